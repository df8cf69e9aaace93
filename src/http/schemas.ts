import { errorTable } from '../errors.ts';
import { Type } from '../json-schema.ts';

/** The JSON shapes that several routes share. Unknown fields are refused everywhere. */
export const strict = { additionalProperties: false } as const;

export const timestamp = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });
export const secretName = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'Characters A-Z a-z 0-9 _ . - /; no empty, "." or ".." segment.',
});
export const secretValue = Type.String({ description: 'UTF-8, at most 64 KiB.' });
export const metadata = Type.Record(Type.String(), Type.String(), {
  description: 'Non-secret notes, at most 4 KiB in all.',
});
/** Checked further by src/rotation/, whose errors name the field. */
export const generator = Type.Union([Type.String(), Type.Object({}, { additionalProperties: true })], {
  description: 'A generator: its name, or an object with `type` and options. docs/API.md lists them.',
});
export const duration = Type.Union([Type.String({ minLength: 1, maxLength: 32 }), Type.Integer()]);
export const rotation = Type.Union(
  [
    Type.Object(
      { every: duration, grace: Type.Optional(duration), generator: Type.Optional(generator) },
      {
        ...strict,
        description: 'Rotate by the clock: `every` and `grace` as "90d", "12h", "30m" or seconds.',
      },
    ),
    Type.Null(),
  ],
  { description: 'The rotation rule; null for none.' },
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
