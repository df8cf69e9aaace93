import type { AuditEntry, AuditTrail } from '../audit/record.ts';
import type { Store } from '../store/store.ts';
import { tokenResources } from './journal.ts';

/** An intent without outcome, at its place in the log. */
export interface OpenIntent {
  readonly seq: number;
  readonly entry: AuditEntry;
}

/** The log with what a crash left open. */
interface InterruptedTrail extends AuditTrail {
  unfinishedIntents(): readonly OpenIntent[];
}

/** Gives each intent that a crash left without outcome the one that the store shows; returns how many. */
export async function completeIntents(audit: InterruptedTrail, store: Store): Promise<number> {
  const outcomes = await outcomesOf(audit.unfinishedIntents(), store);
  if (outcomes.length > 0) await audit.append(outcomes).durable;
  return outcomes.length;
}

/** The outcomes that the store shows: `ok`, `aborted`, or `unknown` where it has forgotten and later changes hide it. */
export async function outcomesOf(open: readonly OpenIntent[], store: Store): Promise<AuditEntry[]> {
  const outcomes: AuditEntry[] = [];
  for (const intent of open) {
    const { op_id } = intent.entry;
    const sameOperation = open.filter(({ entry }) => entry.op_id === op_id);
    const last = Math.max(...sameOperation.map(({ seq }) => seq));
    const outcome = await outcomeOf(intent, last, store);
    outcomes.push({ ...intent.entry, event: 'outcome', outcome, detail: { completed_at_start: true } });
  }
  return outcomes;
}

/** @param last position of the operation's last intent, which its commit has */
async function outcomeOf({ seq, entry }: OpenIntent, last: number, store: Store): Promise<string> {
  if (entry.op_id === null) return 'aborted';
  if (await store.committed(entry.op_id)) return 'ok';
  if (last >= (await store.rememberedFrom())) return 'aborted';
  const changedBy = positionOfLastChange(entry, store);
  // Rows only change forward: one that is still older was not changed, and one that is newer hides what came before.
  if (changedBy === null) return 'unknown';
  if (changedBy < seq) return 'aborted';
  return changedBy <= last ? 'ok' : 'unknown';
}

/** The intent that made the row as it is; 0 where there never was one, null where it cannot be said. */
function positionOfLastChange({ resource, detail }: AuditEntry, store: Store): number | null {
  if (resource === null) return null;
  if (!resource.startsWith(tokenResources)) return store.get(resource)?.head.intentSeq ?? 0;
  // Rows of tokens that have ended are removed.
  const id = detail?.['token_id'];
  return store.tokens().find(token => token.id === id)?.intentSeq ?? null;
}
