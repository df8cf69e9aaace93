import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { hmacSha256 } from '../../src/vault/hmac.ts';

t.test('the tags are those of RFC 4231, cases 1 to 3', async t => {
  const cases = [
    [
      '0b'.repeat(20),
      Buffer.from('Hi There'),
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      Buffer.from('Jefe').toString('hex'),
      Buffer.from('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      'aa'.repeat(20),
      Buffer.alloc(50, 0xdd),
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    ],
  ] as const;
  for (const [key, message, tag] of cases) {
    t.equal(hmacSha256(Buffer.from(key, 'hex'))(message).toString('hex'), tag);
  }
});

t.test('they are those of createHmac, whatever the lengths and the order', async t => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 5 }),
      (key, messages) => {
        const expected = messages.map(message => createHmac('sha256', key).update(message).digest('hex'));
        const tag = hmacSha256(key.slice());
        t.same(
          messages.map(message => tag(message).toString('hex')),
          expected,
        );
      },
    ),
  );
});

t.test('the key is wiped, and may not be longer than a block', async t => {
  const key = Buffer.alloc(32, 1);
  hmacSha256(key);
  t.ok(key.equals(Buffer.alloc(32)));
  t.throws(() => hmacSha256(Buffer.alloc(65)), RangeError);
});
