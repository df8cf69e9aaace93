import { errorTable } from '../errors.ts';
import { Type } from '../json-schema.ts';
import { everySchema, graceSchema } from '../rotation/durations.ts';
import { generatorSchema } from '../rotation/generator-spec.ts';
import { maxNameLength, namePattern } from '../vault/names.ts';

/** The JSON shapes that several routes share. Unknown fields are refused everywhere. */
export const strict = { additionalProperties: false } as const;

/** The query of a route that takes no parameters. */
export const noQuery = Type.Object({}, strict);

export const timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });
export const secretName = Type.String({
  minLength: 1,
  maxLength: maxNameLength,
  pattern: namePattern,
  description: 'A name is 1 to 256 characters of A-Z a-z 0-9 _ . - /, without empty, "." or ".." segments.',
});
export const secretValue = Type.String({ description: 'UTF-8, at most 64 KiB.' });
/** TypeBox would have a pattern for the keys, which those with a line break do not match: nothing would check their values. */
export const metadata = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Non-secret notes, at most 4 KiB in all.',
});
export const generator = generatorSchema;
export const rotation = Type.Union(
  [
    Type.Object(
      { every: everySchema, grace: Type.Optional(graceSchema), generator: Type.Optional(generator) },
      { ...strict, description: 'Rotate by the clock.' },
    ),
    Type.Null(),
  ],
  {
    description:
      'A rotation rule is an object with `every`, and with `grace` and `generator` where wanted; null is none.',
  },
);

export const versionFacts = {
  name: Type.String(),
  version: Type.Integer(),
  kid: Type.String({ description: 'The data key that sealed the value.' }),
  created_at: timestamp,
  expires_at: Type.String({ format: 'date-time', description: 'When rotation is due; reading goes on.' }),
};
export const versionAnswer = Type.Object(versionFacts, strict);

export const errorAnswer = Type.Object(
  { error: Type.Enum(Object.keys(errorTable)), message: Type.String() },
  { ...strict, description: 'What went wrong: a stable code, and a message for people.' },
);

/** The error answers that every vault route can give. */
export const errorAnswers = { '4xx': errorAnswer, '5xx': errorAnswer };
