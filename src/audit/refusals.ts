/** Keeps a loop without a credential from filling the disk with refusals. */
import { type AuditEntry, type AuditTrail, auditEntry } from './record.ts';

const windowMilliseconds = 60_000;
const mostSenders = 1000;

/** Runs `task` once after so many milliseconds; the result cancels it. */
export type Delay = (milliseconds: number, task: () => void) => () => void;

/** A delay that does not keep the process alive. */
export const timerDelay: Delay = (milliseconds, task) => {
  const timer = setTimeout(task, milliseconds).unref();
  return () => clearTimeout(timer);
};

interface RepeatedRefusal {
  readonly remoteAddress: string;
  readonly reason: string;
  repeats: number;
}

/**
 * Records unauthenticated refusals: the first of a sender and reason at once, its repeats as one `refusals_summed` at
 * the end of the minute. Senders past the first thousand of a minute are counted together as `other`.
 */
export class RefusalSummary {
  readonly #trail: AuditTrail;
  readonly #delay: Delay;
  readonly #refusals = new Map<string, RepeatedRefusal>();
  #cancel: (() => void) | null = null;

  constructor(trail: AuditTrail, delay: Delay = timerDelay) {
    this.#trail = trail;
    this.#delay = delay;
  }

  /**
   * `entry.outcome` is the reason. Resolves when the record is durable, or at once for a repeat. Throws ServiceError
   * `unavailable` when the log cannot be written.
   */
  async record(entry: AuditEntry): Promise<void> {
    const repeated = this.#find(entry.remote_addr ?? 'unknown', entry.outcome ?? 'unknown');
    if (repeated !== null) {
      repeated.repeats += 1;
      return;
    }
    await this.#trail.append([entry]).durable;
  }

  /** Writes the sums of the minute that is running; while the log cannot be written they stay for the next minute. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const sums = [...this.#refusals.values()].filter(refusal => refusal.repeats > 0).map(summedEntry);
    if (sums.length > 0 && !this.#trail.writable) {
      this.#arm();
      return;
    }
    this.#refusals.clear();
    // A failure is counted and latches the log, which every operation then says; there is nobody to answer here.
    if (sums.length > 0) this.#trail.append(sums).durable.catch(() => undefined);
  }

  /** For shutdown, before the log is closed. */
  close(): void {
    this.flush();
    this.#cancel?.();
  }

  /** What stands for this refusal already; null when it is the first of its kind in this minute. */
  #find(remoteAddress: string, reason: string): RepeatedRefusal | null {
    const known = this.#refusals.get(keyOf(remoteAddress, reason));
    if (known !== undefined) return known;
    if (this.#refusals.size < mostSenders) {
      this.#remember(remoteAddress, reason);
      return null;
    }
    return this.#refusals.get(keyOf('other', 'other')) ?? this.#remember('other', 'other');
  }

  #remember(remoteAddress: string, reason: string): RepeatedRefusal {
    const refusal = { remoteAddress, reason, repeats: 0 };
    this.#refusals.set(keyOf(remoteAddress, reason), refusal);
    if (this.#cancel === null) this.#arm();
    return refusal;
  }

  #arm(): void {
    this.#cancel = this.#delay(windowMilliseconds, () => this.flush());
  }
}

function keyOf(remoteAddress: string, reason: string): string {
  return `${remoteAddress} ${reason}`;
}

function summedEntry({ remoteAddress, reason, repeats }: RepeatedRefusal): AuditEntry {
  return auditEntry({
    event: 'refusals_summed',
    remote_addr: remoteAddress,
    decision: 'deny',
    outcome: reason,
    detail: { count: repeats },
  });
}
