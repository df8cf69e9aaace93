/** Which announced changes have no outcome in the log yet, and how far outcomes say that changes were committed. */
import type { ChainPosition } from './chain.ts';
import type { AuditEntry } from './record.ts';

/** An `intent` record without its outcome. */
export interface UnfinishedIntent extends ChainPosition {
  readonly entry: AuditEntry;
}

/** Outcomes of these actions, when `ok`, mean a commit in the store; `admin` changes other things. */
const secretActions: ReadonlySet<string | null> = new Set(['create', 'update', 'delete', 'rotate', 'purge']);

export function isIntentOrOutcome(event: string): boolean {
  return event === 'intent' || event === 'outcome';
}

/**
 * An outcome finishes the intent with the same op_id and resource; one without a resource finishes all intents of its
 * operation.
 */
export class OpenIntents {
  readonly #byOperation = new Map<string | null, Map<string | null, UnfinishedIntent>>();
  #committed: ChainPosition | null = null;

  /** Takes an `intent` or `outcome` record; false for an outcome that no intent announced. */
  note(record: UnfinishedIntent): boolean {
    const { op_id: operation, resource, event } = record.entry;
    if (event !== 'intent') return this.#finish(record.entry);
    const open = this.#byOperation.get(operation) ?? new Map<string | null, UnfinishedIntent>();
    this.#byOperation.set(operation, open.set(resource, record));
    return true;
  }

  /** Ascending. */
  list(): UnfinishedIntent[] {
    const open = [...this.#byOperation.values()].flatMap(intents => [...intents.values()]);
    return open.sort((a, b) => a.seq - b.seq);
  }

  /** The furthest intent whose outcome says that a secret was changed; null where there is none. */
  get committed(): ChainPosition | null {
    return this.#committed;
  }

  #finish(outcome: AuditEntry): boolean {
    const open = this.#byOperation.get(outcome.op_id);
    if (open === undefined) return false;
    const named = open.get(outcome.resource);
    const finished = outcome.resource === null ? [...open.values()] : named ? [named] : [];
    for (const intent of finished) open.delete(intent.entry.resource);
    if (open.size === 0) this.#byOperation.delete(outcome.op_id);
    if (outcome.outcome === 'ok' && secretActions.has(outcome.action)) this.#noteCommitted(finished);
    return finished.length > 0;
  }

  #noteCommitted(intents: readonly UnfinishedIntent[]): void {
    for (const intent of intents) {
      if (intent.seq > (this.#committed?.seq ?? 0)) this.#committed = intent;
    }
  }
}
