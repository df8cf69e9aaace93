/** Which announced changes have no outcome in the log yet, and how far outcomes say that changes were committed. */
import type { ChainPosition } from './chain.ts';
import type { AuditEntry } from './record.ts';

/** An `intent` record without its outcome. */
export interface UnfinishedIntent extends ChainPosition {
  readonly entry: AuditEntry;
}

/** Outcomes of these actions, when `ok`, mean a commit in the store; `admin` does where it is about tokens. */
const secretActions: ReadonlySet<string | null> = new Set(['create', 'update', 'delete', 'rotate', 'purge']);

function meansCommit({ action, resource, outcome }: AuditEntry): boolean {
  const changesStore =
    secretActions.has(action) || (action === 'admin' && resource?.startsWith('tokens/') === true);
  return outcome === 'ok' && changesStore;
}

/** Whether a record opens, restates or finishes a change. */
export function isIntentNote(event: string): boolean {
  return event === 'intent' || event === 'outcome' || event === 'intent_restated';
}

/**
 * An outcome finishes the intent with the same op_id and resource; one without a resource finishes all intents of its
 * operation.
 */
export class OpenIntents {
  /** By operation, then by resource. */
  readonly #open = new Map<string | null, Map<string | null, UnfinishedIntent[]>>();
  #committed: ChainPosition | null = null;

  /** Takes an `intent` or `outcome` record; false for an outcome that no intent announced. */
  note(record: UnfinishedIntent): boolean {
    const { op_id: operation, resource, event } = record.entry;
    if (event !== 'intent') return this.#finish(record.entry);
    const byResource = this.#open.get(operation) ?? new Map<string | null, UnfinishedIntent[]>();
    const same = byResource.get(resource) ?? [];
    same.push(record);
    this.#open.set(operation, byResource.set(resource, same));
    return true;
  }

  /** Ascending. */
  list(): UnfinishedIntent[] {
    const open = [...this.#open.values()].flatMap(byResource => [...byResource.values()].flat());
    return open.sort((a, b) => a.seq - b.seq);
  }

  /** The furthest intent whose outcome says that a secret or token was changed; null where there is none. */
  get committed(): ChainPosition | null {
    return this.#committed;
  }

  #finish(outcome: AuditEntry): boolean {
    const byResource = this.#open.get(outcome.op_id);
    if (byResource === undefined) return false;
    const finished = takeIntents(byResource, outcome.resource);
    if (byResource.size === 0) this.#open.delete(outcome.op_id);
    if (meansCommit(outcome)) this.#noteCommitted(finished);
    return finished.length > 0;
  }

  #noteCommitted(intents: readonly UnfinishedIntent[]): void {
    for (const { seq, hash } of intents) {
      if (seq > (this.#committed?.seq ?? 0)) this.#committed = { seq, hash };
    }
  }
}

function takeIntents(
  byResource: Map<string | null, UnfinishedIntent[]>,
  resource: string | null,
): UnfinishedIntent[] {
  if (resource === null) {
    const all = [...byResource.values()].flat();
    byResource.clear();
    return all;
  }
  const same = byResource.get(resource) ?? [];
  const first = same.splice(0, 1);
  if (same.length === 0) byResource.delete(resource);
  return first;
}
