import { reasonWithoutNames } from '../errors.ts';
import type { Clock, Timer } from './clock.ts';
import type { SchedulerLog } from './scheduler.ts';

/** Does the same at once and then an interval after each time has ended, whatever else takes long. */
export class Repeated {
  readonly #what: string;
  readonly #work: () => Promise<unknown>;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #log: SchedulerLog;
  #timer: Timer;
  #stopped = false;
  #underWay: Promise<void> = Promise.resolve();

  /** @param what is done, for the log of a failure: `refreshing statistics` */
  constructor(
    what: string,
    work: () => Promise<unknown>,
    { clock, intervalMs, log }: { clock: Clock; intervalMs: number; log: SchedulerLog },
  ) {
    this.#what = what;
    this.#work = work;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
    this.#log = log;
    this.#timer = this.#runAfter(0);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer.cancel();
    await this.#underWay;
  }

  #runAfter(delay: number): Timer {
    return this.#clock.setTimer(() => {
      this.#underWay = this.#run();
    }, delay);
  }

  async #run(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      this.#log.warn({ reason: reasonWithoutNames(error) }, `${this.#what} failed; it is tried again`);
    }
    if (!this.#stopped) this.#timer = this.#runAfter(this.#intervalMs);
  }
}
