import t from 'tap';
import { TrustedClock } from '../../src/clock/trusted-clock.ts';
import { FakeTime } from './fake-time.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

t.test('a clock that goes on steadily is trusted, small corrections included', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  for (const step of [0, 9 * second, -9 * second, 1, second]) {
    time.step(step);
    t.equal(clock.now(), time.wall());
    t.same(clock.moment(), { now: time.wall(), earliest: time.wall(), latest: time.wall(), isCertain: true });
    time.watch(clock, 5 * minute);
    t.equal(clock.doubt, null, `after ${step} ms`);
  }
  time.drift = 0.08;
  time.watch(clock, 10 * hour);
  t.equal(clock.doubt, null, 'slewed as fast as chrony does');
});

t.test('a step is noticed at the very next question, and time goes on as before', async t => {
  for (const step of [-20 * day * 365, -hour, -11 * second, 11 * second, hour, 20 * day * 365]) {
    const time = new FakeTime();
    const clock = new TrustedClock(time);
    time.watch(clock, hour);
    const expected = time.wall();
    time.step(step);
    const { now, earliest, latest, isCertain } = clock.moment();
    t.notOk(isCertain);
    t.same(
      [now, earliest, latest],
      [expected, Math.min(expected, expected + step), Math.max(expected, expected + step)],
    );
    t.equal(clock.now(), expected);
    t.match(clock.doubt, { kind: 'stepped', offsetMs: step });
  }
});

t.test('a clock that comes back is trusted after a minute of agreement', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  time.step(365 * day);
  time.watch(clock, 20 * minute);
  time.step(-365 * day);
  time.watch(clock, minute - second);
  t.ok(clock.doubt, 'not at once');
  t.equal(clock.now(), time.wall());
  time.watch(clock, 2 * second);
  t.equal(clock.doubt, null);
  t.equal(clock.lastEnd, 'agreed');
});

t.test(
  'a step that lasts is accepted after a tenth of its length, five minutes at least and a day at most',
  async t => {
    for (const [step, settling] of [
      [20 * second, 5 * minute],
      [hour, 6 * minute],
      [-hour, 6 * minute],
      [10 * hour, hour],
      [-300 * day, day],
      [20 * 365 * day, day],
    ] as const) {
      const time = new FakeTime();
      const clock = new TrustedClock(time);
      time.step(step);
      time.watch(clock, second);
      time.watch(clock, settling - 2 * second);
      t.ok(clock.doubt, `${step} ms: not before`);
      time.watch(clock, 4 * second);
      t.equal(clock.doubt, null, `${step} ms: then`);
      t.equal(clock.lastEnd, 'settled');
      t.equal(clock.now(), time.wall());
    }
  },
);

t.test('a clock that keeps jumping is not accepted', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  time.step(hour);
  for (let round = 0; round < 100; round++) {
    time.watch(clock, 4 * minute);
    time.step(round % 2 === 0 ? hour : -30 * minute);
    t.ok(clock.look());
  }
});

t.test('sleep is no step, where the system counts it', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  time.sleep(3 * day);
  t.equal(clock.now(), time.wall());
  t.equal(clock.doubt, null);
  time.watch(clock, hour);
  t.equal(clock.doubt, null);
});

t.test('a paused virtual machine counts no sleep: its step settles by itself', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  time.step(3 * day);
  time.watch(clock, 7 * hour);
  t.ok(clock.doubt);
  time.watch(clock, hour);
  t.equal(clock.doubt, null);
});

t.test('the running time may jump with the wall clock: the time since the boot tells', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  time.step(day);
  time.jumpRunning(day);
  time.watch(clock, second);
  t.match(clock.doubt, { kind: 'stepped', offsetMs: day });
});

t.test('an operator confirms', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  clock.expectAfter(time.wall() + 400 * day);
  clock.confirm();
  t.equal(clock.doubt, null);
  t.equal(clock.lastEnd, 'confirmed');
  time.watch(clock, hour);
  t.equal(clock.now(), time.wall());
});

t.test('at the start the clock is held against what was recorded', async t => {
  const start = (offset: number) => {
    const time = new FakeTime();
    const clock = new TrustedClock(time);
    clock.expectAfter(time.wall() - offset);
    return { time, clock };
  };
  for (const offset of [-minute, 0, 5 * minute]) t.equal(start(offset).clock.doubt, null, `${offset} ms`);

  const ahead = start(60 * hour);
  t.match(ahead.clock.doubt, { kind: 'ahead', offsetMs: 60 * hour, settlingMs: 6 * hour });
  t.equal(ahead.clock.now(), ahead.time.wall(), 'a long stop is more likely than a wrong clock');
  t.equal(ahead.clock.moment().earliest, ahead.time.wall() - 60 * hour);
  ahead.time.watch(ahead.clock, 6 * hour + second);
  t.equal(ahead.clock.doubt, null);

  const behind = start(-2 * day);
  t.match(behind.clock.doubt, { kind: 'behind', offsetMs: -2 * day, settlingMs: null });
  t.equal(behind.clock.now(), behind.time.wall() + 2 * day, 'that time has passed for certain');
  behind.time.watch(behind.clock, 10 * day);
  t.ok(behind.clock.doubt, 'it never settles by itself');
  behind.time.step(2 * day + minute);
  behind.time.watch(behind.clock, 2 * minute);
  t.equal(behind.clock.doubt, null, 'but it may be set right');

  const slightly = start(-hour);
  slightly.time.watch(slightly.clock, 7 * minute);
  t.equal(slightly.clock.doubt, null, 'an hour settles');
});

t.test('a clock without a battery that is set later is compared anew', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  clock.expectAfter(time.wall() + 20 * 365 * day);
  time.watch(clock, hour);
  t.match(clock.doubt, { kind: 'behind' });
  time.step(20 * 365 * day + 3 * day);
  time.watch(clock, second);
  t.match(clock.doubt, { kind: 'ahead' });
  time.watch(clock, 8 * hour);
  t.equal(clock.doubt, null);
});

t.test('later evidence replaces earlier evidence', async t => {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  clock.expectAfter(time.wall() - 10 * day);
  clock.expectAfter(time.wall() - second);
  t.equal(clock.doubt, null);
  t.equal(clock.now(), time.wall());
});
