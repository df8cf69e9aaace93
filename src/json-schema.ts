import type * as TypeBox from 'typebox';

export type { Static } from 'typebox';

/** Optional members of an object, by the schema that marks them; JSON Schema itself says only what is required. */
const optional = new WeakSet<object>();

/**
 * The builders of TypeBox that we use, with its types and its results. Its own module graph of 680 files would be a sixth
 * of every start, for JSON that is plainly written; test/json-schema.test.ts holds both to the same schemas.
 */
export const Type = {
  Unknown: (options?: object) => ({ ...options }),
  Null: (options?: object) => ({ type: 'null', ...options }),
  Boolean: (options?: object) => ({ type: 'boolean', ...options }),
  Number: (options?: object) => ({ type: 'number', ...options }),
  Integer: (options?: object) => ({ type: 'integer', ...options }),
  String: (options?: object) => ({ type: 'string', ...options }),
  Literal: (value: string | number | boolean, options?: object) => ({
    type: typeof value,
    const: value,
    ...options,
  }),
  Enum: (values: readonly (string | number)[], options?: object) => ({ enum: values, ...options }),
  Union: (anyOf: readonly object[], options?: object) => ({ anyOf, ...options }),
  Array: (items: object, options?: object) => ({ type: 'array', items, ...options }),
  Object(properties: Readonly<Record<string, object>>, options?: object) {
    const required = Object.keys(properties).filter(name => !optional.has(properties[name] ?? {}));
    return { type: 'object', ...(required.length === 0 ? {} : { required }), properties, ...options };
  },
  Optional(schema: object) {
    const copy = { ...schema };
    optional.add(copy);
    return copy;
  },
  Unsafe: (schema: object) => schema,
} as unknown as Pick<
  typeof TypeBox,
  | 'Unknown'
  | 'Null'
  | 'Boolean'
  | 'Number'
  | 'Integer'
  | 'String'
  | 'Literal'
  | 'Enum'
  | 'Union'
  | 'Array'
  | 'Object'
  | 'Optional'
  | 'Unsafe'
>;
