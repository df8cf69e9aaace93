import { ServiceError } from '../errors.ts';
import { type Static, Type } from '../json-schema.ts';
import { type Validator, validatorOf } from '../validator.ts';

export const characterClasses = ['lower', 'upper', 'digit', 'symbol'] as const;

export type CharacterClass = (typeof characterClasses)[number];

/** Symbols that need no quoting or escaping in shells' double quotes, .env files and YAML strings. */
export const alphabets: Readonly<Record<CharacterClass, string>> = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  digit: '0123456789',
  symbol: '*+,-.:=?@^_~',
};

/** A value with so many bits outlasts attempts without limit, such as on a hash of it that leaked. */
const leastBits = 64;

const noFurther = { additionalProperties: false };

const byteCount = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: 4096,
    description: 'The length is 1 to 4096 random bytes, 32 unless given.',
  }),
);

const schemas = {
  bytes: Type.Object({ type: Type.Literal('bytes'), length: byteCount }, noFurther),
  hex: Type.Object({ type: Type.Literal('hex'), length: byteCount }, noFurther),
  base64url: Type.Object({ type: Type.Literal('base64url'), length: byteCount }, noFurther),
  alphanumeric: Type.Object(
    {
      type: Type.Literal('alphanumeric'),
      length: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: 4096,
          description: 'The length is 1 to 4096 characters, 32 unless given.',
        }),
      ),
    },
    noFurther,
  ),
  password: Type.Object(
    {
      type: Type.Literal('password'),
      // No shorter than there are classes, so that each has its place.
      length: Type.Optional(
        Type.Integer({
          minimum: 4,
          maximum: 4096,
          description: 'The length is 4 to 4096 characters, 24 unless given.',
        }),
      ),
      classes: Type.Optional(
        Type.Array(Type.Enum([...characterClasses]), {
          minItems: 1,
          uniqueItems: true,
          description: 'Each class occurs at least once; all four unless given.',
        }),
      ),
    },
    noFurther,
  ),
  uuid: Type.Object({ type: Type.Literal('uuid') }, noFurther),
  ed25519: Type.Object({ type: Type.Literal('ed25519') }, noFurther),
  'rsa-2048': Type.Object({ type: Type.Literal('rsa-2048') }, noFurther),
} as const;

const types = Object.keys(schemas);

const Generator = Type.Union([
  schemas.bytes,
  schemas.hex,
  schemas.base64url,
  schemas.alphanumeric,
  schemas.password,
  schemas.uuid,
  schemas.ed25519,
  schemas['rsa-2048'],
]);

/** What makes a new value: a type and, where given, lengths and classes other than the default ones. */
export type Generator = Static<typeof Generator>;

/** How requests spell a generator: by its type, or with options. */
export const generatorSchema = Type.Union([Type.Enum(types), Generator], {
  description: 'A generator is its type, or an object with `type` and options; docs/API.md lists them.',
});

/** What rotates a secret that names no generator of its own. */
export const defaultGenerator: Generator = { type: 'bytes' };

const faultsOf = new Map<unknown, Validator>(
  Object.entries(schemas).map(([type, schema]) => [type, validatorOf(schema)]),
);

/**
 * Reads a generator as a client spells it. Throws ServiceError `bad_request` naming the field, where `field` is what
 * the generator itself is called.
 */
export function parseGenerator(input: unknown, field = 'generator'): Generator {
  const generator = typeof input === 'string' ? { type: input } : input;
  if (isGenerator(generator)) return generator;
  throw new ServiceError('bad_request', fault(generator, field));
}

/**
 * A generator that a client asks for: besides, nobody may guess what it makes. Rules that were stored before stay as they are.
 * @throws ServiceError bad_request naming the field
 */
export function parseStrongGenerator(input: unknown, field = 'generator'): Generator {
  const generator = parseGenerator(input, field);
  const bits = Math.floor(entropyOf(generator));
  if (bits >= leastBits) return generator;
  throw new ServiceError(
    'bad_request',
    `${field} makes values of ${bits} bits, which can be guessed; ${leastBits} bits are the least: give it a length of ${leastLength(generator)} or more.`,
  );
}

/** Bits that have to be guessed. */
function entropyOf(generator: Generator): number {
  const { bitsEach, standardLength } = strengths(generator);
  const length = 'length' in generator ? generator.length : undefined;
  return bitsEach * (length ?? standardLength);
}

function leastLength(generator: Generator): number {
  return Math.ceil(leastBits / strengths(generator).bitsEach);
}

/** Of one byte or character, or of the whole where a generator has no length. */
function strengths(generator: Generator): { bitsEach: number; standardLength: number } {
  switch (generator.type) {
    case 'bytes':
    case 'hex':
    case 'base64url':
      return { bitsEach: 8, standardLength: 32 };
    case 'alphanumeric':
      return { bitsEach: Math.log2(62), standardLength: 32 };
    case 'password': {
      const classes: readonly CharacterClass[] = generator.classes ?? characterClasses;
      const size = classes.map(name => alphabets[name]).join('').length;
      return { bitsEach: Math.log2(size), standardLength: 24 };
    }
    case 'uuid':
      return { bitsEach: 122, standardLength: 1 };
    case 'ed25519':
    case 'rsa-2048':
      return { bitsEach: 112, standardLength: 1 };
  }
}

function isGenerator(value: unknown): value is Generator {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  return faultsOf.get(value.type)?.(value).length === 0;
}

function fault(generator: unknown, field: string): string {
  if (typeof generator !== 'object' || generator === null || Array.isArray(generator)) {
    return `${field} must be a type or an object with a type.`;
  }
  const type = 'type' in generator ? generator.type : undefined;
  const known = Object.entries(schemas).find(([name]) => name === type);
  if (known === undefined) return `${field}.type must be one of ${types.join(', ')}.`;
  const [name, schema] = known;
  const fields = Object.keys(schema.properties);
  if (Object.keys(generator).some(key => !fields.includes(key))) {
    return `${field} has an unknown field; type ${name} takes only ${fields.join(', ')}.`;
  }
  const problem = faultsOf.get(name)?.(generator)[0];
  return `${field}${problem?.instancePath.replaceAll('/', '.') ?? ''} ${problem?.message ?? 'is not valid'}.`;
}
