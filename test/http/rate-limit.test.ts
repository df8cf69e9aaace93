import fc from 'fast-check';
import t from 'tap';
import { addressKey } from '../../src/http/address-key.ts';
import { RateLimit } from '../../src/http/rate-limit.ts';

const rate = fc.record({
  perSecond: fc.integer({ min: 1, max: 500 }),
  burst: fc.integer({ min: 1, max: 50 }),
});
/** Milliseconds between one request and the next. */
const gaps = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 300, noNaN: true })), {
  minLength: 30,
  maxLength: 200,
});

t.test('lets pass what the rate and the burst allow, in any stretch of time, and no less', async t => {
  let refused = 0;
  fc.assert(
    fc.property(rate, gaps, ({ perSecond, burst }, pauses) => {
      let now = 1e6;
      const limit = new RateLimit({ perSecond, burst }, () => now);
      // The textbook bucket: a level that time fills up.
      let level = burst;
      for (const pause of pauses) {
        now += pause;
        level = Math.min(burst, level + (pause * perSecond) / 1000);
        const isEven = Math.abs(level - 1) < 1e-6;
        const wait = limit.take('key');
        if (wait === 0 && level < 1 && !isEven) return false;
        if (wait > 0 && level >= 1 && !isEven) return false;
        if (wait > 0) {
          refused++;
          if (Math.abs(wait - ((1 - level) * 1000) / perSecond) > 0.01) return false;
        } else level = Math.max(0, level - 1);
      }
      return true;
    }),
    { numRuns: 500 },
  );
  t.ok(refused > 1000, 'both answers were met');
});

t.test('after the wait that it names there is a token, and not before', async t => {
  let now = 0;
  const limit = new RateLimit({ perSecond: 3, burst: 2 }, () => now);
  t.same([limit.take('a'), limit.take('a')], [0, 0]);
  const wait = limit.take('a');
  t.equal(Math.round(wait), 333);
  t.equal(limit.take('b'), 0, 'another key has a bucket of its own');
  now += wait - 1;
  t.not(limit.take('a'), 0);
  now += 1;
  t.equal(limit.take('a'), 0);
});

t.test('remembers ten thousand keys, and forgets the one that was quiet longest', async t => {
  const limit = new RateLimit({ perSecond: 1, burst: 1 }, () => 0);
  limit.take('quiet');
  limit.take('busy');
  for (let key = 0; key < 9_998; key++) limit.take(`key ${key}`);
  t.not(limit.take('busy'), 0, 'still known');
  t.not(limit.take('quiet'), 0, 'still known');
  for (let key = 0; key < 9_999; key++) {
    limit.take(`other ${key}`);
    limit.take('busy');
  }
  t.not(limit.take('busy'), 0, 'a refused request is a sign of life, too');
  t.equal(limit.take('quiet'), 0, 'forgotten');
});

const group = fc.integer({ min: 0, max: 0xffff });
const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count });
const spelled = (parts: readonly number[]) => parts.map(part => part.toString(16).padStart(4, '0')).join(':');
/** As the platform shortens it. */
const shortened = (text: string) => new URL(`http://[${text}]`).hostname.slice(1, -1);

t.test('IPv6 addresses are one by their /64, however they are spelled', async t => {
  const sparse = fc.array(fc.oneof(fc.constant(0), group), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(sparse, groups(4), sparse, (network, host, otherHost) => {
      const address = spelled([...network, ...host]);
      const key = addressKey(address);
      return (
        key === addressKey(shortened(address)) &&
        key === addressKey(shortened(spelled([...network, ...otherHost])))
      );
    }),
  );
  fc.assert(
    fc.property(sparse, sparse, groups(4), (network, other, host) => {
      const isSame = spelled(network) === spelled(other);
      return (
        isSame ===
        (addressKey(shortened(spelled([...network, ...host]))) ===
          addressKey(shortened(spelled([...other, ...host]))))
      );
    }),
  );
  t.equal(addressKey('2001:db8::1'), '2001:db8:0:0::/64');
  t.equal(addressKey('::1'), '0:0:0:0::/64');
  t.equal(addressKey('fe80::1%eth0'), 'fe80:0:0:0::/64');
});

t.test('an IPv4 address is itself, and the same when it comes IPv4-mapped', async t => {
  t.equal(addressKey('192.0.2.7'), '192.0.2.7');
  t.equal(addressKey('::ffff:192.0.2.7'), '192.0.2.7');
  t.equal(addressKey('::FFFF:192.0.2.7'), '192.0.2.7');
});
