import type { Span, Tracing } from '../../telemetry/tracing.ts';
import { reasonWithoutNames } from '../errors.ts';
import { Backoff } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';

/** Names asked for at a time: whose turn is next is asked again after so many. */
const pageSize = 20;
/** What a round does at the most, so that its other steps never wait long. */
const rotationsPerRound = 2000;
const destructionsPerRound = 500;
/** From a round that left work behind to the next, in milliseconds. */
const pauseWhenBehind = 1000;
const rememberedFailures = 1000;

/** The part of the vault that the scheduler drives. */
export interface RotatingVault {
  /** Names of secrets that carry a rotation and are due, whose turn is next first; those that are not wanted are left out. */
  dueNames(limit: number, isWanted: (name: string) => boolean): Promise<readonly string[]>;
  /** Rotates one secret with its own generator; does nothing when it is no longer due. */
  rotateDue(name: string, span: Span): Promise<unknown>;
  /** Destroys generated versions whose grace has ended, and returns how many there were. */
  destroyEnded(limit: number, span: Span): Promise<number>;
  /** Writes down when tokens were last used. */
  recordTokenUses(): Promise<unknown>;
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
  /** How long a round may rotate before its other steps have their turn, in milliseconds. */
  readonly rotationTurnMs: number;
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
  readonly #rotationTurnMs: number;
  readonly #backoff = new Backoff(rememberedFailures);
  #round = 0;
  /** Whether the round left work behind. */
  #isBehind = false;
  #lastSuccess: number | null = null;
  #stopped = false;
  #timer: Timer;
  #underWay: Promise<void> = Promise.resolve();

  constructor({ vault, clock, log, tracing, intervalMs, rotationTurnMs }: SchedulerOptions) {
    this.#vault = vault;
    this.#clock = clock;
    this.#log = log;
    this.#tracing = tracing;
    this.#intervalMs = intervalMs;
    this.#rotationTurnMs = rotationTurnMs;
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
    this.#isBehind = false;
    const results = [
      await this.#step('rotating due secrets', () => this.#rotateDueSecrets()),
      await this.#step('destroying ended versions', () => this.#destroyEnded(span)),
      await this.#step('recording token uses', () => this.#vault.recordTokenUses()),
    ];
    if (this.#stopped) return;
    if (results.every(succeeded => succeeded)) this.#lastSuccess = this.#clock.now();
    this.#timer = this.#runAfter(
      this.#isBehind ? Math.min(pauseWhenBehind, this.#intervalMs) : this.#intervalMs,
    );
  }

  /** Whether the step succeeded; a step that fails leaves the others their turn. */
  async #step(what: string, work: () => Promise<unknown>): Promise<boolean> {
    if (this.#stopped) return false;
    try {
      await work();
      return true;
    } catch (error) {
      this.#log.warn({ reason: reasonWithoutNames(error) }, `${what} failed; the next round tries again`);
      return false;
    }
  }

  async #rotateDueSecrets(): Promise<void> {
    const endsAt = performance.now() + this.#rotationTurnMs;
    for (let rotated = 0; rotated < rotationsPerRound; ) {
      const names = await this.#vault.dueNames(pageSize, name => this.#backoff.mayTry(name, this.#round));
      for (const name of names) {
        if (this.#stopped) return;
        if (performance.now() > endsAt) {
          this.#isBehind = true;
          return;
        }
        await this.#rotate(name);
        rotated += 1;
      }
      if (names.length < pageSize) return;
    }
    this.#isBehind = true;
  }

  async #destroyEnded(span: Span): Promise<void> {
    const destroyed = await this.#vault.destroyEnded(destructionsPerRound, span);
    if (destroyed === destructionsPerRound) this.#isBehind = true;
  }

  async #rotate(name: string): Promise<void> {
    try {
      // A trace of its own: a round may rotate thousands.
      await this.#tracing.background('rotation.rotate', span => this.#vault.rotateDue(name, span));
      this.#backoff.succeeded(name);
    } catch (error) {
      const failures = this.#backoff.failed(name, this.#round);
      // The audit log names the secret; what is logged here may go to many readers.
      this.#log.warn({ failures, reason: reasonWithoutNames(error) }, 'a secret could not be rotated');
    }
  }
}
