/** What an audit record says. The log adds seq, time, prev and hash; docs/FORMAT.md has the exact bytes. */
export interface AuditEntry {
  /** `read`, `refusal`, `intent`, `outcome`, `refusals_summed`, `denials_summed`, `policy_reload`, … */
  readonly event: string;
  readonly client: string | null;
  readonly identity_method: string | null;
  readonly credential_id: string | null;
  readonly remote_addr: string | null;
  /** The policy action: read, list, create, update, delete, rotate, purge, admin; null where none applies. */
  readonly action: string | null;
  /** The name of a secret, or what else was acted on; never a value. */
  readonly resource: string | null;
  readonly version: number | null;
  readonly decision: 'allow' | 'deny' | null;
  /** `ok`, or a short reason: `not_found`, `conflict`, `aborted`, … */
  readonly outcome: string | null;
  readonly op_id: string | null;
  readonly request_id: string | null;
  readonly trace_id: string | null;
  /** Further facts, such as a policy file's hash or how many refusals a record sums up. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

/** An entry of which only some facts are known; the others are null. */
export function auditEntry(facts: Partial<AuditEntry> & Pick<AuditEntry, 'event'>): AuditEntry {
  return {
    client: null,
    identity_method: null,
    credential_id: null,
    remote_addr: null,
    action: null,
    resource: null,
    version: null,
    decision: null,
    outcome: null,
    op_id: null,
    request_id: null,
    trace_id: null,
    ...facts,
  };
}

/** What made a record durable. */
export interface Flush {
  /** When its write began, in milliseconds of `performance.now()`; until then the record waited for its turn. */
  readonly started: number;
}

/** Where a record stands; `durable` resolves after its fsync and rejects when it could not be written. */
export interface AppendedRecord {
  readonly seq: number;
  readonly hash: string;
  readonly durable: Promise<Flush>;
}

/** The part of the audit log that operations use. */
export interface AuditTrail {
  /**
   * Appends records that stand or fall together. Throws (or rejects `durable`) a ServiceError `unavailable` when the
   * log cannot be written; the failed records are counted once. Returns the position of the last one.
   */
  append(entries: readonly AuditEntry[]): AppendedRecord;
  /** False while the log is latched after a failure. */
  readonly writable: boolean;
}
