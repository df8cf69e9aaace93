import type { Span, Tracing } from '../../telemetry/tracing.ts';
import { errorMessage } from '../errors.ts';
import { Backoff } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';

/** Names asked for at a time, and how many times a round, so that `stop` and other work never wait long. */
const pageSize = 100;
const pagesPerRound = 20;
const rememberedFailures = 1000;

/** The part of the vault that the scheduler drives. */
export interface RotatingVault {
  /** Names of secrets that carry a rotation and are due, soonest first. */
  dueNames(limit: number): Promise<readonly string[]>;
  /** Rotates one secret with its own generator; does nothing when it is no longer due. */
  rotateDue(name: string, span: Span): Promise<unknown>;
  /** Destroys generated versions whose grace has ended. */
  destroyEnded(limit: number, span: Span): Promise<unknown>;
  /** Writes down when tokens were last used. */
  recordTokenUses(): Promise<unknown>;
  /** Gathers anew what the gauges report. */
  refreshStatistics(): Promise<unknown>;
}

/** The part of a pino logger that the scheduler uses. */
export interface SchedulerLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface SchedulerOptions {
  readonly vault: RotatingVault;
  readonly clock: Clock;
  readonly log: SchedulerLog;
  readonly tracing: Pick<Tracing, 'background'>;
  /** From the end of a round to the beginning of the next, in milliseconds. */
  readonly intervalMs: number;
}

export interface Scheduler {
  /**
   * When a round last got through all its steps, in milliseconds since the epoch; null before. A secret that fails to
   * rotate does not hold it back: that shows as an overdue rotation.
   */
  lastSuccess(): number | null;
  /** Begins no further work and resolves when the work under way has ended. */
  stop(): Promise<void>;
}

/** Begins a first round at once and the next ones an interval after the one before has ended. */
export function startScheduler(options: SchedulerOptions): Scheduler {
  return new RotationScheduler(options);
}

class RotationScheduler implements Scheduler {
  readonly #vault: RotatingVault;
  readonly #clock: Clock;
  readonly #log: SchedulerLog;
  readonly #tracing: Pick<Tracing, 'background'>;
  readonly #intervalMs: number;
  readonly #backoff = new Backoff(rememberedFailures);
  #round = 0;
  #lastSuccess: number | null = null;
  #stopped = false;
  #timer: Timer;
  #underWay: Promise<void> = Promise.resolve();

  constructor({ vault, clock, log, tracing, intervalMs }: SchedulerOptions) {
    this.#vault = vault;
    this.#clock = clock;
    this.#log = log;
    this.#tracing = tracing;
    this.#intervalMs = intervalMs;
    this.#timer = this.#runAfter(0);
  }

  lastSuccess(): number | null {
    return this.#lastSuccess;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer.cancel();
    await this.#underWay;
  }

  #runAfter(delay: number): Timer {
    return this.#clock.setTimer(() => {
      this.#underWay = this.#tracing.background('rotation.round', span => this.#runRound(span));
    }, delay);
  }

  async #runRound(span: Span): Promise<void> {
    this.#round += 1;
    const results = [
      await this.#step('rotating due secrets', () => this.#rotateDueSecrets()),
      await this.#step('destroying ended versions', () =>
        this.#vault.destroyEnded(pageSize * pagesPerRound, span),
      ),
      await this.#step('recording token uses', () => this.#vault.recordTokenUses()),
      await this.#step('refreshing statistics', () => this.#vault.refreshStatistics()),
    ];
    if (this.#stopped) return;
    if (results.every(succeeded => succeeded)) this.#lastSuccess = this.#clock.now();
    this.#timer = this.#runAfter(this.#intervalMs);
  }

  /** Whether the step succeeded; a step that fails leaves the others their turn. */
  async #step(what: string, work: () => Promise<unknown>): Promise<boolean> {
    if (this.#stopped) return false;
    try {
      await work();
      return true;
    } catch (error) {
      this.#log.warn({ reason: errorMessage(error) }, `${what} failed; the next round tries again`);
      return false;
    }
  }

  async #rotateDueSecrets(): Promise<void> {
    for (let page = 0; page < pagesPerRound; page++) {
      // Names that sit out stay due and come first: ask for so many more, or they would crowd out all others.
      const due = await this.#vault.dueNames(pageSize + this.#backoff.size);
      const names = due.filter(name => this.#backoff.mayTry(name, this.#round)).slice(0, pageSize);
      for (const name of names) {
        if (this.#stopped) return;
        await this.#rotate(name);
      }
      if (names.length < pageSize) return;
    }
  }

  async #rotate(name: string): Promise<void> {
    try {
      // A trace of its own: a round may rotate thousands.
      await this.#tracing.background('rotation.rotate', span => this.#vault.rotateDue(name, span));
      this.#backoff.succeeded(name);
    } catch (error) {
      const failures = this.#backoff.failed(name, this.#round);
      this.#log.warn(
        { secret: name, failures, reason: errorMessage(error) },
        'a secret could not be rotated',
      );
    }
  }
}
