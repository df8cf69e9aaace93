import type { ChainPosition } from '../audit/chain.ts';
import type { AuditEntry } from '../audit/record.ts';
import { acceptanceEvent } from '../audit/structure.ts';
import type { Inspection } from '../store/inspection.ts';
import type { Operation as CommitOperation } from '../store/store.ts';
import { SealHistory } from './protecting.ts';
import type { RowProblem } from './row-check.ts';

interface Operation {
  /** Its last intent, which the rows of the change name. */
  lastIntent: ChainPosition;
  /** Intents without outcome. */
  open: number;
}

const changesOfSecrets: ReadonlySet<string | null> = new Set([
  'create',
  'update',
  'delete',
  'rotate',
  'purge',
]);

/**
 * What the audit log says that the rows of the vault must be: each head and token names the intent of its last change.
 * It is given every record in order, and then compares; a service may write meanwhile.
 */
export class LogAgreement {
  readonly history = new SealHistory();
  readonly #operations = new Map<string, Operation>();
  /** By name of the secret, the last intent of the last change that was committed. */
  readonly #secrets = new Map<string, number>();
  readonly #tokens = new Map<string, number>();
  #newest: CommitOperation | null = null;

  readonly note = ({ seq, hash, entry }: ChainPosition & { readonly entry: AuditEntry }): void => {
    this.history.note({ entry });
    const { event, op_id: operation } = entry;
    if (event === acceptanceEvent) this.#forget();
    else if (operation === null) return;
    else if (event === 'intent') this.#intend(operation, { seq, hash });
    else if (event === 'outcome') this.#settle(operation, entry);
  };

  /** The change that the log shows to be the last one committed. */
  get newest(): CommitOperation | null {
    return this.#newest;
  }

  /** Rows that are older than the log says, and such as are gone. */
  problems(inspection: Inspection): RowProblem[] {
    const { reader } = inspection;
    const heads = [...this.#secrets].map(([name, seq]) => {
      const found = attempt(() => reader.secret(name)?.head.intentSeq ?? 0);
      return problemOf('heads', name, seq, found);
    });
    // A token that ended makes room for others, and leaves no record: that one is gone is no problem.
    const tokens = [...this.#tokens].map(([id, seq]) => {
      const found = attempt(() => reader.token(id)?.intentSeq ?? seq);
      return problemOf('tokens', id, seq, found);
    });
    return [...heads, ...tokens].filter(problem => problem !== null);
  }

  /** What an operator accepted, he accepted whatever the log said before. */
  #forget(): void {
    this.#secrets.clear();
    this.#tokens.clear();
  }

  #intend(operation: string, lastIntent: ChainPosition): void {
    const open = this.#operations.get(operation)?.open ?? 0;
    this.#operations.set(operation, { lastIntent, open: open + 1 });
  }

  #settle(id: string, { action, detail, outcome, resource }: AuditEntry): void {
    const operation = this.#operations.get(id);
    if (operation === undefined) return;
    operation.open = resource === null ? 0 : operation.open - 1;
    if (operation.open === 0) this.#operations.delete(id);
    if (outcome !== 'ok' || resource === null) return;
    const token = action === 'admin' ? detail?.['token_id'] : undefined;
    const { seq, hash } = operation.lastIntent;
    if (changesOfSecrets.has(action)) raise(this.#secrets, resource, seq);
    else if (typeof token === 'string') raise(this.#tokens, token, seq);
    else return;
    if (seq > (this.#newest?.intentSeq ?? 0)) this.#newest = { opId: id, intentSeq: seq, intentHash: hash };
  }
}

/** An outcome that could not be written at once may come after that of a later change. */
function raise(map: Map<string, number>, key: string, value: number): void {
  if (value > (map.get(key) ?? 0)) map.set(key, value);
}

function problemOf(table: string, entity: string, expected: number, found: number | null): RowProblem | null {
  // What cannot be read is told by whoever reads every row.
  if (found === null || found >= expected) return null;
  if (found === 0)
    return { table, entity, reason: `the row is gone; record ${expected} of the log changed it` };
  return {
    table,
    entity,
    reason: `the row is that of record ${found}, and record ${expected} of the log changed it: it was put back`,
  };
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
