import type { TimeSource } from '../../src/clock/time-source.ts';
import type { TrustedClock } from '../../src/clock/trusted-clock.ts';

/** Clocks in the test's hand: `pass` moves them together, `step` moves the wall clock alone. */
export class FakeTime implements TimeSource {
  /** By how much faster the wall clock goes than time does. */
  drift = 0;
  #wall: number;
  // A fraction, as performance.now() has one.
  #running = 5000.375;
  #sinceBoot = 1_000_000;

  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wall = wall;
  }

  wall(): number {
    return this.#wall;
  }

  running(): number {
    return this.#running;
  }

  sinceBoot(): number {
    return this.#sinceBoot;
  }

  pass(milliseconds: number): void {
    this.#wall += milliseconds * (1 + this.drift);
    this.#running += milliseconds;
    this.#sinceBoot += milliseconds;
  }

  /** Lets time pass, with a look at the clock each second. */
  watch(clock: TrustedClock, milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 1000) {
      this.pass(1000);
      clock.look();
    }
  }

  step(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  /** The machine sleeps: the running time stands still. */
  sleep(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#sinceBoot += milliseconds;
  }

  jumpRunning(milliseconds: number): void {
    this.#running += milliseconds;
  }
}
