/** Keeps a client that asks for what it may not have from filling the disk with the records of it. */
import { type AuditEntry, type AuditTrail, auditEntry } from './record.ts';
import { type Delay, timerDelay } from './refusals.ts';

const windowMilliseconds = 60_000;
/** Denied names of a client that have a record each: so many at once, and so many a minute after that. */
const mostAtOnce = 200;
const recordsPerMinute = 10;
/** Names that a sum repeats, the first of the minute. */
const namesOfSum = 5;

interface Denials {
  /** What is left of `mostAtOnce`, at the time of the last denial. */
  records: number;
  at: number;
  /** Of the minute that is running. */
  summed: number;
  requests: number;
  readonly names: Set<string>;
  last: AuditEntry | null;
}

/**
 * Records denials: one record for each denied name, until a client is past its share. From then on its denials of a minute
 * are summed up in one `denials_summed` at the end of the minute.
 */
export class DenialSummary {
  readonly #trail: AuditTrail;
  readonly #now: () => number;
  readonly #delay: Delay;
  readonly #denials = new Map<string, Denials>();
  #cancel: (() => void) | null = null;

  /** @param now milliseconds that never go back */
  constructor(trail: AuditTrail, now: () => number = () => performance.now(), delay: Delay = timerDelay) {
    this.#trail = trail;
    this.#now = now;
    this.#delay = delay;
  }

  /**
   * The entries of one denied request that get a record of their own; the others are summed up.
   * @param share whose share it is: a client of the policy, or all that the policy does not know together
   */
  take(share: string, entries: readonly AuditEntry[]): readonly AuditEntry[] {
    const denials = this.#of(share);
    const own = entries.slice(0, Math.floor(denials.records));
    denials.records -= own.length;
    const summed = entries.slice(own.length);
    if (summed.length > 0) {
      denials.summed += summed.length;
      denials.requests += 1;
      denials.last = summed.at(-1) ?? null;
      for (const { resource } of summed) {
        if (denials.names.size < namesOfSum && resource !== null) denials.names.add(resource);
      }
      this.#cancel ??= this.#delay(windowMilliseconds, () => this.flush());
    }
    return own;
  }

  /** Writes the sums of the minute that is running; while the log cannot be written they stay for the next minute. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const summed = [...this.#denials.values()].filter(denials => denials.summed > 0);
    if (summed.length === 0) return;
    if (!this.#trail.writable) {
      this.#cancel = this.#delay(windowMilliseconds, () => this.flush());
      return;
    }
    // A failure is counted and latches the log, which every operation then says; there is nobody to answer here.
    this.#trail.append(summed.map(summedEntry)).durable.catch(() => undefined);
    for (const denials of summed) {
      denials.summed = 0;
      denials.requests = 0;
      denials.names.clear();
    }
  }

  /** For shutdown, before the log is closed. */
  close(): void {
    this.flush();
    this.#cancel?.();
  }

  #of(share: string): Denials {
    const now = this.#now();
    const known = this.#denials.get(share);
    if (known === undefined) {
      const fresh = {
        records: mostAtOnce,
        at: now,
        summed: 0,
        requests: 0,
        names: new Set<string>(),
        last: null,
      };
      this.#denials.set(share, fresh);
      return fresh;
    }
    known.records = Math.min(mostAtOnce, known.records + ((now - known.at) / 60_000) * recordsPerMinute);
    known.at = now;
    return known;
  }
}

/** The client, and how it proved who it is, are those of the last denial. */
function summedEntry({ summed, requests, names, last }: Denials): AuditEntry {
  return auditEntry({
    event: 'denials_summed',
    client: last?.client ?? null,
    identity_method: last?.identity_method ?? null,
    credential_id: last?.credential_id ?? null,
    remote_addr: last?.remote_addr ?? null,
    action: last?.action ?? null,
    decision: 'deny',
    outcome: 'denied',
    detail: { count: summed, requests, names: [...names].join(' ') },
  });
}
