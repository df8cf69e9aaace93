import fc from 'fast-check';
import t from 'tap';
import { formatDuration, parseEvery, parseGrace } from '../../src/rotation/durations.ts';

t.test('reads days, hours, minutes, seconds and numbers of seconds', async t => {
  t.equal(parseEvery('90d'), 7_776_000_000);
  t.equal(parseEvery('12h'), 43_200_000);
  t.equal(parseEvery('30m'), 1_800_000);
  t.equal(parseEvery('60s'), 60_000);
  t.equal(parseEvery(3600), 3_600_000);
  t.equal(parseGrace('0s'), 0);
  t.equal(parseGrace(0), 0);
  t.equal(parseGrace('45s'), 45_000);
});

t.test('both bounds are included', async t => {
  t.equal(parseEvery('1m'), 60_000);
  t.equal(parseEvery('3650d'), 315_360_000_000);
  t.equal(parseGrace('3650d'), 315_360_000_000);
  t.throws(() => parseEvery('59s'), { code: 'bad_request', message: 'rotation.every must be 1m to 3650d.' });
  t.throws(() => parseEvery(0), { code: 'bad_request' });
  t.throws(() => parseEvery(315_360_001), { code: 'bad_request' });
  t.throws(() => parseGrace('3651d'), {
    code: 'bad_request',
    message: 'rotation.grace must be 0s to 3650d.',
  });
  t.throws(() => parseGrace(-1), { code: 'bad_request' });
});

t.test('refuses what is no duration and names the field', async t => {
  const wrong = [
    '',
    '90',
    'd',
    '90 d',
    ' 90d',
    '90d\n',
    '90D',
    '1w',
    '-1d',
    '+1d',
    '1.5h',
    '1e3s',
    '1d12h',
    '٣d',
  ];
  const others = [
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e300,
    null,
    undefined,
    true,
    [],
    ['90d'],
    {},
    90n,
  ];
  for (const input of [...wrong, `${'9'.repeat(400)}d`, ...others]) {
    t.throws(() => parseEvery(input, 'every'), { code: 'bad_request', message: /^every must be like "90d"/ });
  }
});

t.test('formats in the largest unit that is exact', async t => {
  t.equal(formatDuration(0), '0s');
  t.equal(formatDuration(5_400_000), '90m');
  t.equal(formatDuration(86_400_000), '1d');
  t.equal(formatDuration(90_000_000), '25h');
  t.equal(formatDuration(61_000), '61s');
  t.throws(() => formatDuration(1500), RangeError);
});

t.test('what is formatted reads back the same', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 315_360_000 }),
        seconds => parseGrace(formatDuration(seconds * 1000)) === seconds * 1000,
      ),
    ),
  );
});
