import fc from 'fast-check';
import t from 'tap';
import { formatDuration, parseEvery, parseGrace, parseLifetime } from '../../src/rotation/durations.ts';

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
  t.equal(parseEvery('9999d'), 863_913_600_000);
  t.equal(parseEvery(863_913_600), 863_913_600_000);
  t.equal(parseGrace('9999d'), 863_913_600_000);
  t.equal(parseLifetime('1s'), 1000);
  t.equal(parseLifetime('999d'), 86_313_600_000);
  for (const input of ['59s', '10000d', 59, 863_913_601]) {
    t.throws(() => parseEvery(input), { message: /^rotation\.every must be 1m to 9999d, like "90d"/ });
  }
  t.throws(() => parseGrace('10000d'), { message: /^rotation\.grace must be 0s to 9999d, / });
  t.throws(() => parseGrace(-1), { code: 'bad_request' });
  t.throws(() => parseLifetime('0s'), { message: /^expires_in must be 1s to 999d, / });
  t.throws(() => parseLifetime('1000d'), { code: 'bad_request' });
});

t.test('whatever a spelling is taken for lies within the bounds', async t => {
  const spelling = fc.stringMatching(/^[0-9]{1,10}[dhms]$/);
  for (const [parse, min, max] of [
    [parseEvery, 60_000, 863_913_600_000],
    [parseGrace, 0, 863_913_600_000],
    [parseLifetime, 1000, 86_313_600_000],
  ] as const) {
    const isWithin = (text: string) => {
      try {
        const milliseconds = parse(text);
        return milliseconds >= min && milliseconds <= max;
      } catch {
        return true;
      }
    };
    t.doesNotThrow(() => fc.assert(fc.property(spelling, isWithin)));
  }
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
    '090d',
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
    t.throws(() => parseEvery(input, 'every'), {
      code: 'bad_request',
      message: /^every must be 1m to 9999d, like "90d"/,
    });
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
        fc.integer({ min: 0, max: 99_999_999 }),
        seconds => parseGrace(formatDuration(seconds * 1000)) === seconds * 1000,
      ),
    ),
  );
});
