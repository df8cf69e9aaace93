import { type AuditTrail, auditEntry } from './audit/record.ts';
import { type ClockStore, recordTime } from './clock/clock-record.ts';
import type { ConfirmationFile } from './clock/confirmation.ts';
import type { ClockDoubt, TrustedClock } from './clock/trusted-clock.ts';
import { errorMessage } from './errors.ts';

const lookInterval = 1000;
/** A kill loses this much of what is known of the time; less than the stop that proves nothing about the clock. */
const recordInterval = 120_000;
/** A doubt that changes by more than this is told again. */
const newStep = 10_000;

interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface ClockWatchOptions {
  readonly clock: TrustedClock;
  /** What the wall clock reads, in milliseconds since the epoch. */
  readonly wall: () => number;
  readonly store: ClockStore;
  readonly audit: AuditTrail;
  readonly confirmation: ConfirmationFile;
  readonly log: Log;
}

/** Looks at the clock each second, and tells the log, the audit log and the next start what became of it. */
export class ClockWatch {
  readonly #options: ClockWatchOptions;
  #told: ClockDoubt | null = null;
  #recordedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #underWay: Promise<void> | null = null;
  /** Why the last look could not be recorded; it is logged once. */
  #failure: string | null = null;

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  /** Resolves when a doubt that there is at the start is recorded. */
  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look(), lookInterval).unref();
  }

  /** Records the time for the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.look();
    await this.#record();
  }

  /** Looks now; joins a look that is under way. */
  look(): Promise<void> {
    this.#underWay ??= this.#lookOnce().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  async #lookOnce(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      clock.look();
      await this.#takeConfirmation();
      const { doubt, lastEnd } = clock;
      if (doubt !== null && this.#isNews(doubt)) await this.#tellDoubt(doubt);
      else if (doubt === null && this.#told !== null)
        await this.#tellTrust(lastEnd ?? 'confirmed', this.#told);
      else if (performance.now() - this.#recordedAt >= recordInterval) await this.#record();
      this.#failure = null;
    } catch (error) {
      const reason = errorMessage(error);
      if (reason !== this.#failure)
        log.warn({ reason }, 'the state of the clock could not be recorded; the service tries again');
      this.#failure = reason;
    }
  }

  #isNews(doubt: ClockDoubt): boolean {
    const told = this.#told;
    return told?.kind !== doubt.kind || Math.abs(told.offsetMs - doubt.offsetMs) > newStep;
  }

  async #tellDoubt(doubt: ClockDoubt): Promise<void> {
    const facts = factsOf(doubt);
    // First: what is stamped from now on proves nothing to the next start.
    await this.#record();
    await this.#append('clock_doubted', facts);
    this.#told = doubt;
    this.#options.log.warn(
      { ...facts, settles_in_seconds: doubt.settlingMs === null ? null : doubt.settlingMs / 1000 },
      `the clock is in doubt: scheduled rotations and the destruction of old versions wait. Check the time and NTP; ${wayOut(doubt)}`,
    );
  }

  async #tellTrust(because: string, told: ClockDoubt): Promise<void> {
    await this.#record();
    if (because !== 'confirmed') await this.#append('clock_trusted', { ...factsOf(told), because });
    this.#told = null;
    this.#options.log.info({ because }, 'the clock is trusted again');
  }

  /** Audit first: without its record, a confirmation has no effect. */
  async #takeConfirmation(): Promise<void> {
    const { clock, confirmation, log, wall } = this.#options;
    const found = confirmation.read(wall());
    if (found === null) return;
    if (found === 'unusable') {
      log.warn(
        { file: confirmation.path },
        'a confirmation of the clock is not one of this minute: it is removed',
      );
    } else {
      await this.#append('clock_confirmed', { ...(clock.doubt && factsOf(clock.doubt)), by: found.by });
      clock.confirm();
      await this.#record();
      log.warn({ by: found.by }, 'an operator confirmed the clock');
    }
    confirmation.remove();
  }

  async #record(): Promise<void> {
    const { clock, store } = this.#options;
    await recordTime(store, { seenAt: clock.expected, inDoubt: clock.doubt !== null });
    this.#recordedAt = performance.now();
  }

  async #append(event: string, detail: Record<string, string | number>): Promise<void> {
    const facts = { event, identity_method: 'system', resource: 'clock', outcome: 'ok', detail };
    await this.#options.audit.append([auditEntry(facts)]).durable;
  }
}

function factsOf({ kind, offsetMs }: ClockDoubt): { doubt: string; offset_seconds: number } {
  return { doubt: kind, offset_seconds: Math.round(offsetMs / 1000) };
}

function wayOut({ settlingMs }: ClockDoubt): string {
  const command = 'run jarvis-secretsd clock confirm';
  return settlingMs === null
    ? `if the clock is right, ${command}`
    : `it is trusted again when it has gone on steadily for ${Math.ceil(settlingMs / 60_000)} minutes, or ${command}`;
}
