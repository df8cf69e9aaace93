import type { AuditEntry, AuditTrail } from '../audit/record.ts';
import type { Store } from '../store/store.ts';

/** The log with what a crash left open. */
interface InterruptedTrail extends AuditTrail {
  unfinishedIntents(): readonly { readonly entry: AuditEntry }[];
}

/** Gives each intent that a crash left without outcome the one that the store shows; returns how many. */
export async function completeIntents(audit: InterruptedTrail, store: Store): Promise<number> {
  const open = audit.unfinishedIntents();
  if (open.length === 0) return 0;
  const outcomes: AuditEntry[] = [];
  for (const { entry } of open) {
    const committed = entry.op_id !== null && (await store.committed(entry.op_id));
    const outcome = committed ? 'ok' : 'aborted';
    outcomes.push({ ...entry, event: 'outcome', outcome, detail: { completed_at_start: true } });
  }
  await audit.append(outcomes).durable;
  return outcomes.length;
}
