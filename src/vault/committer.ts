import { errorMessage, ServiceError } from '../errors.ts';
import { type Operation, type Store, StoreError } from '../store/store.ts';
import type { Caller } from './caller.ts';
import type { Journal, Subject } from './journal.ts';
import { LateOutcomes } from './late-outcomes.ts';
import type { Rows } from './rows.ts';
import type { Trust } from './trust.ts';
import type { Planned } from './versions.ts';

export interface ErrorLog {
  error(facts: object, message: string): void;
}

/** Carries planned changes out: intent durable, commit durable, outcome. */
export class Committer {
  readonly #store: Store;
  readonly #journal: Journal;
  readonly #rows: Rows;
  readonly #now: () => number;
  readonly #log: ErrorLog;
  readonly #trust: Trust;
  readonly #late: LateOutcomes;

  /** @param now milliseconds since the epoch */
  constructor(store: Store, journal: Journal, rows: Rows, now: () => number, log: ErrorLog, trust: Trust) {
    this.#store = store;
    this.#journal = journal;
    this.#rows = rows;
    this.#now = now;
    this.#log = log;
    this.#trust = trust;
    this.#late = new LateOutcomes(journal, log);
  }

  /**
   * All of `planned` or nothing; `subjects` are their audit records, one each.
   * @throws ServiceError as `carryOut`, with nothing changed
   */
  async commit(caller: Caller, subjects: readonly Subject[], planned: readonly Planned[]): Promise<void> {
    await this.carryOut(caller, subjects, async operation => {
      const changes = planned.map(change => this.#rows.sign(change, operation.intentSeq));
      await this.#store.commit(changes, operation);
    });
  }

  /**
   * Announces `subjects`, one record each, has `commit` write, and records the outcome.
   * @throws ServiceError unavailable, conflict or, when the caller's credential has ended, unauthenticated; with nothing changed
   */
  async carryOut(
    caller: Caller,
    subjects: readonly Subject[],
    commit: (operation: Operation) => Promise<void>,
  ): Promise<void> {
    await this.#journal.requireCredential(caller);
    this.#trust.requireChanges();
    const opId = operationId(this.#now());
    const intent = await this.#journal.intend(caller, subjects, opId);
    try {
      const operation = { opId, intentSeq: intent.seq, intentHash: intent.hash };
      await caller.span.step('store.commit', span => {
        span.note({ count: subjects.length });
        return commit(operation);
      });
    } catch (error) {
      await this.#settle(caller, subjects, opId, error instanceof StoreError ? error.failure : 'failed');
      throw asServiceError(error);
    }
    await this.#settle(caller, subjects, opId, 'ok');
  }

  /** The commit stands: the outcome is recorded later if the log does not take it now, and the log refuses what comes meanwhile. */
  async #settle(caller: Caller, subjects: readonly Subject[], opId: string, outcome: string): Promise<void> {
    try {
      await this.#journal.settle(caller, subjects, opId, outcome);
    } catch (error) {
      this.#late.add({ caller, subjects, opId, outcome });
      this.#log.error(
        {
          op_id: opId,
          request_id: caller.requestId ?? undefined,
          trace_id: caller.traceId ?? undefined,
          reason: errorMessage(error),
        },
        'the outcome of a change could not be audited yet',
      );
    }
  }
}

/**
 * A UUID of version 7 (RFC 9562 §5.7): it begins with the time, so that those of a commit stand together in the store's index
 * and few of its pages are written.
 */
function operationId(now: number): string {
  const time = now.toString(16).padStart(12, '0');
  const afterVersion = crypto.randomUUID().slice('xxxxxxxx-xxxx-4'.length);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${afterVersion}`;
}

/** A store failure as clients see it. */
export function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const failure = error instanceof StoreError ? error.failure : 'failed';
  const message = {
    conflict: 'The secret was changed at the same moment; read it and try again.',
    full: 'The disk of the vault is full; nothing was changed.',
    failed: 'The vault cannot be read or written; nothing was changed.',
  }[failure];
  return new ServiceError(failure === 'conflict' ? 'conflict' : 'unavailable', message, { cause: error });
}
