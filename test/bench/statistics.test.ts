import t from 'tap';
import { Allotment } from '../../bench/allotment.ts';
import { scattered, secretName } from '../../bench/names.ts';
import { inTurn, roundsWithin } from '../../bench/rounds.ts';
import { median, paired, percentile, spread } from '../../bench/statistics.ts';

t.test('the median is the middle, or the mean of the two in the middle', async t => {
  t.equal(median([9, 1, 5]), 5);
  t.equal(median([10, 2, 4, 100]), 7);
  t.ok(Number.isNaN(median([])), 'of nothing there is none');
});

t.test('the spread is between the extremes, as a share of the median', async t => {
  t.equal(spread([80, 100, 110]), 0.3);
  t.equal(spread([5]), 0);
});

t.test('a percentile is a value that was measured, by nearest rank', async t => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  t.equal(percentile(hundred, 0.5), 50);
  t.equal(percentile(hundred, 0.99), 99);
  t.equal(percentile(hundred, 0.999), 100);
  t.equal(percentile(hundred, 0), 1);
  t.equal(percentile([7], 0.5), 7);
});

t.test('pairs are of the same round, so that a machine that slows down does not show', async t => {
  const ratios = paired([100, 50, 25], [200, 100, 50], (a, b) => a / b);
  t.same(ratios, [0.5, 0.5, 0.5]);
  t.same(
    paired([3, 2], [1], (a, b) => a - b),
    [2],
    'a round that only one side has is left out',
  );
});

t.test('rounds alternate', async t => {
  t.same(inTurn(['A', 'B'], 1), ['A', 'B']);
  t.same(inTurn(['A', 'B'], 2), ['B', 'A']);
});

t.test('there are as many rounds as are asked for at least, and more while they fit', async t => {
  const roundsOf = async (milliseconds: number, least: number) => {
    let time = 0;
    const round = async () => {
      time += milliseconds;
    };
    return await roundsWithin(10, round, least, () => time);
  };
  t.equal(await roundsOf(20_000, 3), 3, 'none of them fits');
  t.equal(await roundsOf(3000, 2), 3, 'a fourth would not fit');
  t.equal(await roundsOf(1000, 2), 10);
});

t.test('what one part of a run overdraws or leaves falls on those after it', async t => {
  let time = 10;
  const allotment = new Allotment(100, { first: 30, second: 20, third: 10 }, () => time);
  t.equal(allotment.secondsFor('first'), 45, 'half of 90');
  time += 60;
  t.equal(allotment.secondsFor('second'), 20, 'two thirds of 30');
  time += 6;
  t.equal(allotment.secondsFor('third'), 24, 'all that is left');
  time += 100;
  t.equal(allotment.secondsFor('third'), 0, 'never less than nothing');
});

t.test('scattered places are all over, within, and none twice', async t => {
  const places = scattered(50_000, 1_000_000);
  t.ok(places.every(place => Number.isInteger(place) && place >= 0 && place < 1_000_000));
  t.equal(new Set(places).size, places.length);
  for (let tenth = 0; tenth < 10; tenth++) {
    const within = places.filter(place => Math.floor(place / 100_000) === tenth).length;
    t.ok(within > 4500 && within < 5500, `${within} of 50,000 in tenth ${tenth}`);
  }
  t.ok(new Set(scattered(1000, 1000)).size > 600, 'most of a small vault is read');
  t.equal(secretName(42), 'bench/0000042');
});
