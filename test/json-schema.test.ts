import t from 'tap';
import TypeBox from 'typebox';
import { Type } from '../src/json-schema.ts';

/** One schema that uses every builder, options and optional members among them. */
function everything(builders: typeof Type) {
  return builders.Object(
    {
      text: builders.String({ minLength: 1, description: 'words' }),
      choice: builders.Optional(builders.Enum(['a', 'b'])),
      fixed: builders.Union([builders.Literal('x'), builders.Literal(1), builders.Null()], { default: 'x' }),
      list: builders.Optional(builders.Array(builders.Boolean(), { minItems: 1 })),
      share: builders.Number({ maximum: 1 }),
      any: builders.Unknown(),
      body: builders.Unsafe<string>({ type: 'string' }),
      none: builders.Object({ rare: builders.Optional(builders.String()) }),
    },
    { additionalProperties: false },
  );
}

t.test('the builders make the schemas that TypeBox makes', async t => {
  t.same(JSON.parse(JSON.stringify(everything(Type))), JSON.parse(JSON.stringify(everything(TypeBox))));
});
