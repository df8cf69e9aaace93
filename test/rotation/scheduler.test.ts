import t from 'tap';
import type { Clock, Timer } from '../../src/rotation/clock.ts';
import { Repeated } from '../../src/rotation/repeated.ts';
import { type RotatingVault, startScheduler } from '../../src/rotation/scheduler.ts';
import { noTracing } from '../../telemetry/tracing.ts';

const minute = 60_000;

/** A clock that stands still until told; timers run on elapsed time, and `jump` moves only what `now` says. */
class FakeClock implements Clock {
  #elapsed = 0;
  #offset = 1_700_000_000_000;
  readonly #timers: Set<{ at: number; callback: () => void }> = new Set();

  now(): number {
    return this.#offset + this.#elapsed;
  }

  setTimer(callback: () => void, delay: number): Timer {
    const timer = { at: this.#elapsed + delay, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  get pending(): number {
    return this.#timers.size;
  }

  jump(milliseconds: number): void {
    this.#offset += milliseconds;
  }

  /** Lets time pass, fires what falls due, and waits until the work it began has settled. */
  async pass(milliseconds: number): Promise<void> {
    this.#elapsed += milliseconds;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#elapsed) continue;
      this.#timers.delete(timer);
      timer.callback();
    }
    await settled();
  }
}

/** Every promise that can go on without a timer has: immediates run after all microtasks. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** Due names go when they are rotated; those in `broken` always fail. */
class FakeVault implements RotatingVault {
  readonly due: Set<string>;
  readonly broken: Set<string>;
  readonly calls: string[] = [];
  /** The step that fails now, if any. */
  failingStep: string | null = null;

  constructor(due: Iterable<string> = [], broken: Iterable<string> = []) {
    this.broken = new Set(broken);
    this.due = new Set([...this.broken, ...due]);
  }

  async dueNames(limit: number, isWanted: (name: string) => boolean): Promise<string[]> {
    this.#enter('due');
    return [...this.due].filter(isWanted).slice(0, limit);
  }

  async rotateDue(name: string): Promise<void> {
    this.calls.push(name);
    if (this.broken.has(name)) throw new Error(`the key of "${name}" is missing`);
    this.due.delete(name);
  }

  async destroyEnded(): Promise<number> {
    this.#enter('destroy');
    return 0;
  }

  async recordTokenUses(): Promise<void> {
    this.#enter('uses');
  }

  #enter(step: string): void {
    if (this.failingStep === step) throw new Error('disk');
    this.calls.push(step);
  }

  /** The calls since the last time. */
  takeCalls(): string[] {
    return this.calls.splice(0);
  }
}

function setup(vault: RotatingVault, rotationTurnMs = minute) {
  const clock = new FakeClock();
  const warnings: { fields: Readonly<Record<string, unknown>>; message: string }[] = [];
  const log = {
    warn: (fields: Readonly<Record<string, unknown>>, message: string) => warnings.push({ fields, message }),
  };
  const scheduler = startScheduler({
    vault,
    clock,
    log,
    tracing: noTracing,
    intervalMs: minute,
    rotationTurnMs,
  });
  return { clock, warnings, scheduler };
}

t.test('rotates what is due, then destroys, then notes; every interval', async t => {
  const vault = new FakeVault(['a', 'b']);
  const { clock, scheduler } = setup(vault);
  t.equal(scheduler.lastSuccess(), null);
  await clock.pass(0);
  t.same(vault.takeCalls(), ['due', 'a', 'b', 'destroy', 'uses']);
  t.equal(scheduler.lastSuccess(), clock.now());

  vault.due.add('c');
  await clock.pass(minute - 1);
  t.same(vault.takeCalls(), []);
  await clock.pass(1);
  t.same(vault.takeCalls(), ['due', 'c', 'destroy', 'uses']);
  t.equal(scheduler.lastSuccess(), clock.now());
});

t.test('a secret that fails stops no other and sits out 1, 2, 4, … rounds', async t => {
  const vault = new FakeVault(['good'], ['bad']);
  const { clock, scheduler, warnings } = setup(vault);
  const roundsTried: number[] = [];
  for (let round = 0; round < 200; round++) {
    await clock.pass(minute);
    if (vault.takeCalls().includes('bad')) roundsTried.push(round);
  }
  t.same(roundsTried, [0, 2, 5, 10, 19, 36, 69, 130, 191], 'waits are capped at 60 rounds');
  t.notOk(vault.due.has('good'));
  t.equal(scheduler.lastSuccess(), clock.now(), 'a failing secret shows elsewhere');
  t.same(warnings[1], {
    fields: { failures: 2, reason: 'the key of "…" is missing' },
    message: 'a secret could not be rotated',
  });
});

t.test('a secret that was mended starts over', async t => {
  const vault = new FakeVault([], ['x']);
  const { clock } = setup(vault);
  await clock.pass(0);
  await clock.pass(minute);
  vault.broken.delete('x');
  await clock.pass(minute);
  t.notOk(vault.due.has('x'));
  vault.broken.add('x');
  vault.due.add('x');
  vault.takeCalls();
  await clock.pass(minute);
  await clock.pass(minute);
  await clock.pass(minute);
  t.equal(vault.takeCalls().filter(call => call === 'x').length, 2, 'sits out one round again, not two');
});

t.test('more failing secrets than a page holds do not crowd out the others', async t => {
  const broken = Array.from({ length: 350 }, (_, i) => `bad${i}`);
  const vault = new FakeVault(['good'], broken);
  const { clock } = setup(vault);
  await clock.pass(0);
  t.notOk(vault.due.has('good'));
  t.equal(new Set(vault.takeCalls().filter(call => call.startsWith('bad'))).size, 350, 'each is tried once');
});

t.test('a long backlog is spread over rounds', async t => {
  const vault = new FakeVault(Array.from({ length: 2500 }, (_, i) => `s${i}`));
  const { clock } = setup(vault);
  await clock.pass(0);
  t.equal(vault.due.size, 500);
  await clock.pass(999);
  t.equal(vault.due.size, 500);
  await clock.pass(1);
  t.equal(vault.due.size, 0, 'the next round comes after a second');
});

t.test('a round rotates for so long only, and then gives the other steps their turn', async t => {
  const vault = new FakeVault(['a', 'b', 'c']);
  const { clock, scheduler } = setup(vault, -1);
  await clock.pass(0);
  t.same(vault.takeCalls(), ['due', 'destroy', 'uses'], 'here the time is over before it begins');
  t.equal(scheduler.lastSuccess(), clock.now(), 'what is left shows as overdue');
  await clock.pass(1000);
  t.same(vault.takeCalls(), ['due', 'destroy', 'uses'], 'the next round comes after a second');
});

t.test('what is repeated goes on after a failure, on a timer of its own', async t => {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
  let runs = 0;
  const work = async () => {
    runs++;
    if (runs === 2) throw new Error('disk');
  };
  const repeated = new Repeated('counting', work, { clock, intervalMs: minute, log });
  for (const milliseconds of [0, minute, minute - 1, 1]) await clock.pass(milliseconds);
  t.equal(runs, 3);
  t.same(warnings, ['counting failed; it is tried again']);
  await repeated.stop();
  await clock.pass(minute);
  t.equal(runs, 3);
  t.equal(clock.pending, 0);
});

t.test('a step that fails leaves the others their turn, and the round is no success', async t => {
  for (const step of ['due', 'destroy', 'uses']) {
    const vault = new FakeVault();
    vault.failingStep = step;
    const { clock, scheduler, warnings } = setup(vault);
    await clock.pass(0);
    t.equal(vault.takeCalls().length, 2, `the other two steps ran without ${step}`);
    t.equal(scheduler.lastSuccess(), null);
    t.match(warnings, [{ fields: { reason: 'disk' } }]);
    vault.failingStep = null;
    await clock.pass(minute);
    t.equal(scheduler.lastSuccess(), clock.now());
  }
});

t.test('rounds never overlap, however long one takes', async t => {
  const vault = new FakeVault(['slow']);
  const { promise, resolve } = Promise.withResolvers<void>();
  vault.rotateDue = async name => {
    vault.calls.push(name);
    await promise;
    vault.due.delete(name);
  };
  const { clock } = setup(vault);
  await clock.pass(0);
  for (let i = 0; i < 10; i++) await clock.pass(minute);
  t.same(vault.takeCalls(), ['due', 'slow']);
  t.equal(clock.pending, 0);
  resolve();
  await settled();
  t.same(vault.takeCalls(), ['destroy', 'uses']);
  await clock.pass(minute);
  t.same(vault.takeCalls(), ['due', 'destroy', 'uses']);
});

t.test('a clock that jumps causes neither a burst nor a standstill', async t => {
  const vault = new FakeVault([], ['bad']);
  const { clock, scheduler } = setup(vault);
  await clock.pass(0);
  for (const jump of [-365 * 24 * 60 * minute, 730 * 24 * 60 * minute]) {
    vault.takeCalls();
    clock.jump(jump);
    await clock.pass(0);
    t.same(vault.takeCalls(), [], 'no round before its time');
    for (let i = 0; i < 6; i++) await clock.pass(minute);
    const calls = vault.takeCalls();
    t.equal(calls.filter(call => call === 'due').length, 6, 'one round a minute');
    t.ok(calls.includes('bad'), 'what failed before the jump is tried again');
    t.equal(scheduler.lastSuccess(), clock.now());
  }
});

t.test('stop waits for the secret under way, begins nothing more and leaves no timer', async t => {
  const vault = new FakeVault(['first', 'second']);
  const { promise, resolve } = Promise.withResolvers<void>();
  vault.rotateDue = async name => {
    vault.calls.push(name);
    await promise;
  };
  const { clock, scheduler } = setup(vault);
  await clock.pass(0);
  let stopped = false;
  const stopping = scheduler.stop().then(() => {
    stopped = true;
  });
  await settled();
  t.equal(stopped, false);
  resolve();
  await stopping;
  t.same(vault.takeCalls(), ['due', 'first']);
  t.equal(clock.pending, 0);
  t.equal(scheduler.lastSuccess(), null);
});

t.test('stop before the first round', async t => {
  const vault = new FakeVault(['a']);
  const { clock, scheduler } = setup(vault);
  await scheduler.stop();
  await clock.pass(minute);
  t.same(vault.takeCalls(), []);
});
