/** Which announced changes have no outcome in the log yet, and how far outcomes say that changes were committed. */
import type { ChainPosition } from './chain.ts';
import type { AuditEntry } from './record.ts';

/** An `intent` record without its outcome. */
export interface UnfinishedIntent extends ChainPosition {
  readonly entry: AuditEntry;
  /** The record that stated it last, when it is not the intent itself. */
  readonly restatedAt?: number;
}

/** States an open intent again, so that a start need not read back to it. */
export function intentRestated({ seq, hash, entry }: UnfinishedIntent): AuditEntry {
  const detail = { ...entry.detail, intent_seq: seq, intent_hash: hash };
  return { ...entry, event: 'intent_restated', detail };
}

/** The intent that a record restates. */
function restatedIntent({ seq: restatedAt, entry }: UnfinishedIntent): UnfinishedIntent {
  const { intent_seq: seq, intent_hash: hash, ...detail } = entry.detail ?? {};
  const { detail: _, ...facts } = entry;
  const intent = Object.keys(detail).length === 0 ? facts : { ...facts, detail };
  return { seq: Number(seq), hash: String(hash), restatedAt, entry: { ...intent, event: 'intent' } };
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

  /** Takes an `intent`, `intent_restated` or `outcome` record; false for an outcome that no intent announced. */
  note(record: UnfinishedIntent): boolean {
    const { op_id: operation, resource, event } = record.entry;
    if (event === 'intent_restated') return this.#restate(restatedIntent(record));
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

  /** How far back a start has to read for them; null where there are none. */
  static oldestPlace(open: readonly UnfinishedIntent[]): number | null {
    return open.length === 0 ? null : Math.min(...open.map(({ seq, restatedAt }) => restatedAt ?? seq));
  }

  /** The furthest intent whose outcome says that a secret or token was changed; null where there is none. */
  get committed(): ChainPosition | null {
    return this.#committed;
  }

  /** In place of the intent that was read before, or as one that stands too far back to be read. */
  #restate(intent: UnfinishedIntent): true {
    const { op_id: operation, resource } = intent.entry;
    const byResource = this.#open.get(operation) ?? new Map<string | null, UnfinishedIntent[]>();
    const others = (byResource.get(resource) ?? []).filter(({ seq }) => seq !== intent.seq);
    this.#open.set(
      operation,
      byResource.set(
        resource,
        [...others, intent].sort((a, b) => a.seq - b.seq),
      ),
    );
    return true;
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
