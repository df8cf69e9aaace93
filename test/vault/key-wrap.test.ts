import t from 'tap';
import { DecryptionError } from '../../src/vault/envelope.ts';
import { createKeyWrap, deriveKey } from '../../src/vault/key-wrap.ts';
import published from '../vectors/published.json' with { type: 'json' };

const masterKey = Buffer.alloc(32, 1);
const secret = Buffer.alloc(32, 2);

const { hkdfSha256 } = published;
for (const vector of hkdfSha256.cases) {
  t.test(`HKDF-SHA-256, RFC 5869 ${vector.name}`, async t => {
    const bytes = (text: string): Buffer => Buffer.from(text, 'hex');
    const derived = deriveKey(bytes(vector.secret), bytes(vector.salt), bytes(vector.info));
    t.equal(derived.toString('hex'), vector.key);
  });
}

t.test('a key unwraps with its master key, vault, purpose and kid only', async t => {
  const wrap = createKeyWrap(masterKey, 'vault');
  const wrapped = wrap.wrap('data', 'k1', secret);
  t.same(wrap.unwrap('data', 'k1', wrapped), secret);
  t.throws(() => wrap.unwrap('root', 'k1', wrapped), DecryptionError, 'another purpose');
  t.throws(() => wrap.unwrap('data', 'k2', wrapped), DecryptionError, 'another kid');
  t.throws(
    () => createKeyWrap(masterKey, 'other').unwrap('data', 'k1', wrapped),
    DecryptionError,
    'another vault',
  );
  t.throws(
    () => createKeyWrap(secret, 'vault').unwrap('data', 'k1', wrapped),
    DecryptionError,
    'another master key',
  );
});

t.test('the check value tells master keys and vaults apart', async t => {
  const { checkValue } = createKeyWrap(masterKey, 'vault');
  t.same(createKeyWrap(masterKey, 'vault').checkValue, checkValue);
  t.notSame(createKeyWrap(secret, 'vault').checkValue, checkValue);
  t.notSame(createKeyWrap(masterKey, 'other').checkValue, checkValue);
});
