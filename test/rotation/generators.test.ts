import { createPrivateKey } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { ServiceError } from '../../src/errors.ts';
import { defaultGenerator, parseGenerator, parseStrongGenerator } from '../../src/rotation/generator-spec.ts';
import { generate } from '../../src/rotation/generators.ts';
import { KeyMaker } from '../../src/rotation/key-maker.ts';

const keys = new KeyMaker();
const order = { owner: 'a', signal: null };
const make = (spec: unknown) => generate(parseGenerator(spec), keys, order);
t.teardown(() => keys.close());

const spellings: [spec: unknown, shape: RegExp][] = [
  ['bytes', /^[A-Za-z0-9+/]{43}=$/],
  [{ type: 'bytes', length: 3 }, /^[A-Za-z0-9+/]{4}$/],
  ['hex', /^[0-9a-f]{64}$/],
  [{ type: 'hex', length: 4096 }, /^[0-9a-f]{8192}$/],
  ['base64url', /^[A-Za-z0-9_-]{43}$/],
  ['alphanumeric', /^[A-Za-z0-9]{32}$/],
  [{ type: 'alphanumeric', length: 1 }, /^[A-Za-z0-9]$/],
  ['uuid', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
  ['password', /^[A-Za-z0-9*+,.:=?@^_~-]{24}$/],
  [{ type: 'password', length: 4096, classes: ['digit'] }, /^[0-9]{4096}$/],
];

for (const [spec, shape] of spellings) {
  t.test(`makes ${JSON.stringify(spec)}`, async t => {
    const [one, other] = [await make(spec), await make(spec)];
    t.match(one, shape);
    if (one.length > 4) t.not(one, other);
  });
}

t.test('32 random bytes unless told otherwise', async t => {
  t.equal(Buffer.from(await generate(defaultGenerator, keys, order), 'base64').length, 32);
});

t.test('keys are PKCS#8 in PEM', async t => {
  for (const [type, kind] of [
    ['ed25519', 'ed25519'],
    ['rsa-2048', 'rsa'],
  ] as const) {
    const pem = await make(type);
    t.ok(pem.startsWith('-----BEGIN PRIVATE KEY-----\n'));
    const key = createPrivateKey(pem);
    t.equal(key.asymmetricKeyType, kind);
    if (kind === 'rsa') t.equal(key.asymmetricKeyDetails?.modulusLength, 2048);
  }
});

t.test('a password has every class at its shortest, too', async t => {
  for (let i = 0; i < 300; i++) {
    const password = await make({ type: 'password', length: 4 });
    t.ok(/[a-z]/.test(password) && /[A-Z]/.test(password) && /[0-9]/.test(password), 'letters and digits');
    t.ok(/[^A-Za-z0-9]/.test(password), 'symbol');
  }
});

t.test('characters are drawn evenly', async t => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 10; i++) {
    for (const character of await make({ type: 'alphanumeric', length: 4096 })) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }
  t.equal(counts.size, 62);
  // 661 expected of each; ±150 is almost six standard deviations. A byte modulo 62 gives the first eight 800.
  for (const [character, count] of counts) t.ok(Math.abs(count - 661) < 150, `${character}: ${count}`);
  const firstEight = [...'abcdefgh'].reduce((sum, character) => sum + (counts.get(character) ?? 0), 0);
  t.ok(firstEight < 5285 + 450, 'no modulo bias');
});

const refused: [spec: unknown, message: RegExp][] = [
  [undefined, /^generator must be a type or an object/],
  [7, /^generator must be a type or an object/],
  [[], /^generator must be a type or an object/],
  ['rot13', /^generator\.type must be one of bytes, hex/],
  ['constructor', /^generator\.type must be one of/],
  [{}, /^generator\.type must be one of/],
  [{ type: 'hex', length: 0 }, /^generator\.length must be >= 1\.$/],
  [{ type: 'hex', length: 4097 }, /^generator\.length must be <= 4096\.$/],
  [{ type: 'hex', length: 1.5 }, /^generator\.length must be integer\.$/],
  [{ type: 'hex', length: '32' }, /^generator\.length must be integer\.$/],
  [{ type: 'hex', length: null }, /^generator\.length must be integer\.$/],
  [{ type: 'password', length: 3 }, /^generator\.length must be >= 4\.$/],
  [{ type: 'password', classes: [] }, /^generator\.classes /],
  [{ type: 'password', classes: ['vowel'] }, /^generator\.classes\.0 /],
  [{ type: 'password', classes: ['digit', 'digit'] }, /^generator\.classes .*duplicate/],
  [{ type: 'uuid', length: 3 }, /unknown field; type uuid takes only type\./],
  [JSON.parse('{"type":"uuid","__proto__":{"length":1}}'), /unknown field/],
];

for (const [spec, message] of refused) {
  t.test(`refuses ${JSON.stringify(spec)}`, async t => {
    t.throws(() => parseGenerator(spec), { code: 'bad_request', message });
  });
}

t.test('names the field as the caller calls it', async t => {
  t.throws(() => parseGenerator({ type: 'hex', length: 0 }, 'rotation.generator'), {
    message: /^rotation\.generator\.length /,
  });
});

t.test(
  'any other JSON is refused with bad_request, or is a generator that reads the same when stored',
  async t => {
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          type: fc.constantFrom('bytes', 'password', 'uuid'),
          length: fc.oneof(fc.integer({ min: -1, max: 9 }), fc.jsonValue()),
          classes: fc.oneof(fc.constant(['lower']), fc.jsonValue()),
        },
        { requiredKeys: ['type'] },
      ),
    );
    t.doesNotThrow(() =>
      fc.assert(
        fc.property(anything, spec => {
          try {
            const generator = parseGenerator(spec);
            t.same(parseGenerator(JSON.parse(JSON.stringify(generator))), generator);
            return true;
          } catch (error) {
            return error instanceof ServiceError && error.code === 'bad_request';
          }
        }),
        { numRuns: 500 },
      ),
    );
  },
);

t.test('a request may ask for no value that can be guessed', async t => {
  const weak: [unknown, least: number][] = [
    [{ type: 'alphanumeric', length: 1 }, 11],
    [{ type: 'alphanumeric', length: 10 }, 11],
    [{ type: 'hex', length: 1 }, 8],
    [{ type: 'bytes', length: 7 }, 8],
    [{ type: 'base64url', length: 7 }, 8],
    [{ type: 'password', length: 4 }, 11],
    [{ type: 'password', length: 19, classes: ['digit'] }, 20],
    [{ type: 'password', classes: ['symbol'], length: 17 }, 18],
  ];
  for (const [spec, least] of weak) {
    t.doesNotThrow(() => parseGenerator(spec), 'a stored rule stays');
    t.throws(() => parseStrongGenerator(spec), {
      code: 'bad_request',
      message: new RegExp(`^generator makes values of [0-9]+ bits, .* a length of ${least} or more\\.$`),
    });
    t.doesNotThrow(() => parseStrongGenerator({ ...(spec as object), length: least }));
  }
  for (const type of [
    'bytes',
    'hex',
    'base64url',
    'alphanumeric',
    'password',
    'uuid',
    'ed25519',
    'rsa-2048',
  ]) {
    t.doesNotThrow(() => parseStrongGenerator(type));
  }
});
