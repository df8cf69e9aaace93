import fc from 'fast-check';
import t from 'tap';
import { formatToken, hashToken, isTokenText, newToken } from '../../src/vault/token-format.ts';
import { anyCharacter } from '../helpers/text.ts';
import vectors from '../vectors/tokens.json' with { type: 'json' };

const secret = fc.uint8Array({ minLength: 32, maxLength: 32 });
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

for (const vector of vectors.tokens) {
  t.test(`the token of ${vector.secret} is written and hashed so for ever`, async t => {
    const token = `jst_${vector.body}${vector.checksum}`;
    t.equal(formatToken(Buffer.from(vector.secret, 'hex')), token);
    t.ok(isTokenText(token));
    t.equal(hashToken(token), vector.hash);
  });
}

t.test('every secret makes another token, always of one form', async t => {
  fc.assert(
    fc.property(secret, secret, (a, b) => {
      const [first, second] = [formatToken(a), formatToken(b)];
      return (
        /^jst_[0-9A-Za-z]{49}$/.test(first) &&
        isTokenText(first) &&
        (first === second) === Buffer.from(a).equals(b)
      );
    }),
  );
  t.pass();
});

t.test('a token with one character changed, lost, doubled or added is told without a look-up', async t => {
  fc.assert(
    fc.property(secret, fc.nat(52), fc.nat(61), (bytes, at, digit) => {
      const token = formatToken(bytes);
      const [before, own, after] = [token.slice(0, at), token.charAt(at), token.slice(at + 1)];
      const other = digits.charAt(digit);
      const changed = other !== own && isTokenText(before + other + after);
      return (
        !changed &&
        !isTokenText(before + after) &&
        !isTokenText(before + own + own + after) &&
        !isTokenText(`${token}${other}`)
      );
    }),
  );
  t.pass();
});

t.test('any other text is no token', async t => {
  fc.assert(fc.property(fc.string({ unit: anyCharacter }), text => !isTokenText(text)));
  for (const text of ['', 'jst_', `${newToken()}\n`, ` ${newToken()}`, newToken().toLowerCase()]) {
    t.notOk(isTokenText(text), JSON.stringify(text));
  }
});

t.test('new tokens differ', async t => {
  t.equal(new Set(Array.from({ length: 1000 }, newToken)).size, 1000);
});
