import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import {
  DecryptionError,
  open,
  openBytes,
  seal,
  sealBytes,
  type ValueContext,
} from '../../src/vault/envelope.ts';
import { anyCharacter } from '../helpers/text.ts';
import published from '../vectors/published.json' with { type: 'json' };
import sealedValues from '../vectors/sealed-values.json' with { type: 'json' };

const key = createSecretKey(Buffer.alloc(32, 7));
const context: ValueContext = { vaultId: 'vault', name: 'app/password', version: 3, kid: 'k1-00000001' };

const { aes256gcm } = published;
for (const vector of aes256gcm.cases) {
  t.test(`AES-256-GCM test case ${vector.name}`, async t => {
    const sealed = Buffer.from(vector.nonce + vector.ciphertext + vector.tag, 'hex');
    const vectorKey = createSecretKey(Buffer.from(vector.key, 'hex'));
    t.equal(openBytes(vectorKey, Buffer.from(vector.aad, 'hex'), sealed).toString('hex'), vector.plaintext);
  });
}

for (const vector of sealedValues.cases) {
  t.test(`the stored value of ${vector.context.name} opens for ever`, async t => {
    const vectorKey = createSecretKey(Buffer.from(vector.key, 'hex'));
    const sealed = Buffer.from(vector.sealed, 'hex');
    t.equal(open(vectorKey, vector.context, sealed), vector.plaintext);
    t.equal(
      openBytes(vectorKey, Buffer.from(vector.aad), sealed).toString(),
      vector.plaintext,
      'the additional data is what docs/FORMAT.md says',
    );
  });
}

t.test('what is sealed opens again, whatever the text', async t => {
  const text = fc.string({ unit: anyCharacter });
  fc.assert(fc.property(text, value => open(key, context, seal(key, context, value)) === value));
  t.equal(open(key, context, seal(key, context, Buffer.from('bytes'))), 'bytes');
  t.equal(open(key, context, seal(key, context, '\ufeffmark')), '\ufeffmark', 'a byte order mark stays');
});

t.test('the length is nonce, text and tag; no two seals are alike', async t => {
  const sealed = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const bytes = seal(key, context, 'value');
    t.equal(bytes.length, 12 + 5 + 16);
    sealed.add(Buffer.from(bytes).toString('hex').slice(0, 24));
  }
  t.equal(sealed.size, 100);
});

t.test('sealed bytes own their memory', async t => {
  const sealed = seal(key, context, 'value');
  t.equal(sealed.buffer.byteLength, sealed.length);
});

t.test('any flipped bit is noticed', async t => {
  const sealed = seal(key, context, 'value');
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Uint8Array.from(sealed, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    t.throws(() => open(key, context, flipped), DecryptionError, `bit ${bit}`);
  }
});

t.test('cut or lengthened bytes are noticed', async t => {
  const sealed = seal(key, context, 'value');
  for (let length = 0; length < sealed.length; length++) {
    t.throws(() => open(key, context, sealed.subarray(0, length)), DecryptionError, `${length} bytes`);
  }
  t.throws(() => open(key, context, Buffer.concat([sealed, Buffer.of(0)])), DecryptionError);
});

t.test('a value opens in its own place only', async t => {
  const sealed = seal(key, context, 'value');
  const elsewhere: Partial<ValueContext>[] = [
    { vaultId: 'other' },
    { name: 'app/passwor' },
    { version: 2 },
    { kid: 'k2-00000001' },
    { name: 'app/password3', version: 0 },
  ];
  for (const change of elsewhere) {
    t.throws(() => open(key, { ...context, ...change }, sealed), DecryptionError, JSON.stringify(change));
  }
  t.throws(() => open(createSecretKey(Buffer.alloc(32, 8)), context, sealed), DecryptionError, 'another key');
});

t.test('different places never share their additional data', async t => {
  const place = fc.record({
    vaultId: fc.string(),
    name: fc.string(),
    version: fc.nat(),
    kid: fc.string(),
  });
  fc.assert(
    fc.property(place, place, (a, b) => {
      fc.pre(JSON.stringify(a) !== JSON.stringify(b));
      const sealed = seal(key, a, 'value');
      return throws(() => open(key, b, sealed));
    }),
  );
  t.pass();
});

t.test('bytes that are not UTF-8 are refused without showing them', async t => {
  const sealed = seal(key, context, Buffer.from([0x68, 0x75, 0x6e, 0x74, 0xff]));
  t.throws(() => open(key, context, sealed), {
    name: 'DecryptionError',
    message: 'the sealed value is not UTF-8',
  });
});

t.test('a lone surrogate is refused, not replaced', async t => {
  t.throws(() => seal(key, context, 'a\ud800'), TypeError);
});

t.test('the caller keeps the bytes it seals', async t => {
  const bytes = Buffer.from('value');
  seal(key, context, bytes);
  t.equal(bytes.toString(), 'value');
});

t.test('a key of another length is refused', async t => {
  t.throws(() => sealBytes(createSecretKey(Buffer.alloc(16)), Buffer.alloc(0), Buffer.alloc(1)), RangeError);
});

function throws(action: () => unknown): boolean {
  try {
    action();
  } catch (error) {
    return error instanceof DecryptionError;
  }
  return false;
}
