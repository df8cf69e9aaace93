/**
 * The store contract: what the vault needs from a database. Rows are opaque to the store: values arrive sealed and
 * every row carries a MAC that only the vault can make. Times are milliseconds since the epoch (UTC).
 */

import type { ProtectionFound, SealStart } from './seal-facts.ts';
import type { SealKeys } from './sealing.ts';

/** When and how a secret rotates by itself. Durations in milliseconds; `generator` is JSON the vault understands. */
export interface RotationRule {
  readonly every: number;
  readonly grace: number;
  readonly generator: unknown;
}

/** The row that says which version of a name is active. `revision` grows by one with every change. */
export interface SecretHead {
  readonly name: string;
  /** 0 where no version is active: only staged ones exist, or the secret is purged. */
  readonly activeVersion: number;
  /** The number the next version gets; never goes back, not even by a purge. */
  readonly nextVersion: number;
  readonly revision: number;
  readonly createdAt: number;
  readonly deletedAt: number | null;
  /** True when only (name, nextVersion) is left. */
  readonly purged: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  readonly rotation: RotationRule | null;
  /** When rotation of the active version is due; null where none is active. */
  readonly expiresAt: number | null;
  /** The audit position of the intent that made this row. */
  readonly intentSeq: number;
  readonly mac: Uint8Array;
}

export interface SecretVersion {
  readonly name: string;
  readonly version: number;
  /** The data key that sealed the value. */
  readonly kid: string;
  /** nonce ‖ ciphertext ‖ tag; null once destroyed. */
  readonly sealed: Uint8Array | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Made by a generator; only such versions may be destroyed by the clock. */
  readonly generated: boolean;
  readonly deactivatedAt: number | null;
  /** When the clock may destroy it: end of grace of a generated, deactivated version; null otherwise. */
  readonly destroyAt: number | null;
  readonly mac: Uint8Array;
}

/** A version without its value. */
export interface VersionSummary extends Omit<SecretVersion, 'sealed'> {
  /** False once destroyed. */
  readonly hasValue: boolean;
}

/** Stands in a list for a row that cannot be read. */
export interface DamagedRow<Key> {
  /** The name, or the number of the version. */
  readonly damaged: Key;
}

/** A head with its active version, as lists read them: without the value. */
export interface SecretSummary {
  readonly head: SecretHead;
  readonly active: VersionSummary | null;
}

/**
 * A head with its active version. The same object is returned while the row is unchanged, so a reader may remember
 * (in a WeakMap) what it has verified.
 */
export interface StoredSecret {
  readonly head: SecretHead;
  readonly active: SecretVersion | null;
}

/** One secret's part of a commit; the head is written whole. */
export interface Change {
  readonly head: SecretHead;
  /** The revision the stored head must have; 0 when the name must not be stored yet. */
  readonly expectedRevision: number;
  /** Inserted, or replaced where the version exists. */
  readonly versions: readonly SecretVersion[];
  /** Remove every version row of the name first: a purge. */
  readonly dropVersions?: boolean;
  /** Remove these versions of the name first. */
  readonly dropped?: readonly number[];
}

/** A bearer token as it is kept: by its hash, never itself. Written whole with every change. */
export interface StoredToken {
  readonly id: string;
  /** SHA-256 of the token. */
  readonly hash: Uint8Array;
  readonly client: string;
  readonly description: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** In CIDR notation; none means that any address will do. */
  readonly sourceNetworks: readonly string[];
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
  /** The audit position of the intent that made or revoked the token. */
  readonly intentSeq: number;
  readonly mac: Uint8Array;
}

export interface TokenChange {
  /** Inserted, or replaced where the id exists. */
  readonly put: readonly StoredToken[];
  /** Ids to remove. */
  readonly drop: readonly string[];
}

/** How many audit positions back a commit's operation id is remembered. */
export const rememberedPositions = 100_000;

/** Which operation a commit belongs to, so that a restart can tell whether it happened. */
export interface Operation {
  readonly opId: string;
  readonly intentSeq: number;
  readonly intentHash: string;
}

/** A half-open range of names in code-point order, `from` inclusive, `to` exclusive; null is unbounded. */
export interface NameRange {
  readonly from: string;
  readonly to: string | null;
}

export interface ListRequest {
  /** Disjoint and ascending. */
  readonly ranges: readonly NameRange[];
  /** Names after this one only; null from the start. */
  readonly after: string | null;
  /** Rows examined at the most. */
  readonly limit: number;
}

/** What scans the vault and so is gathered off the request path. */
export interface VaultStatistics {
  readonly overdueRotations: number;
  /** createdAt of the oldest active version; null in an empty vault. */
  readonly oldestVersionAt: number | null;
}

/** A secret whose rotation is due, and its place among them. */
export interface DueRotation {
  readonly name: string;
  readonly expiresAt: number;
  /** Tells apart what falls due at the same time; means something to the store only. */
  readonly row: number;
}

/** What one name takes in the vault. */
export interface NameUsage {
  readonly name: string;
  /** False where only the next version number is left. */
  readonly exists: boolean;
  readonly versions: number;
  /** Of its sealed values and its metadata. */
  readonly bytes: number;
}

/** A segment of the audit log as the vault remembers it. */
export interface AuditSegment {
  readonly file: string;
  readonly firstSeq: number;
  /** The hash of the record before `firstSeq`; the zero hash for the first segment. */
  readonly previousHash: string;
}

/** The furthest audit record that the vault has noted. */
export interface AuditPosition {
  readonly seq: number;
  readonly hash: string;
}

export interface AuditRevision {
  /** Moves forward only. */
  readonly position: AuditPosition;
  readonly add: readonly AuditSegment[];
  /** File names. */
  readonly drop: readonly string[];
}

export interface Store {
  /** Counts the openings for writing; null where this one may not write. */
  readonly writerEpoch: number | null;

  /** Named blobs: vault id, key check, wrapped keys. Written only through `putState`. */
  state(key: string): Promise<Uint8Array | null>;
  /**
   * From here on each commit moves the seal of all rows on. Throws StoreError where `start` names other rows.
   * @param start makes a new seal over the rows as they are; null goes on with the one that is there
   */
  protect(keys: SealKeys, start: SealStart | null): Promise<ProtectionFound>;
  /** Notes that the audit log says that the vault is sealed. */
  announceSeal(): Promise<void>;
  /** Whether no file of the vault holds a destroyed value any more; false while another reader needs older pages. */
  erase(): Promise<boolean>;
  /** The vault's commits, as its seal counts them, as of the last one; null while it is not protected. */
  sealedCommits(): number | null;
  /** Called with how many commits another process has made. */
  onForeignCommits: (commits: number) => void;

  /** Writes all of them in one durable transaction. */
  putState(entries: Readonly<Record<string, Uint8Array>>): Promise<void>;

  /** Rows are read in the caller's turn: a promise for each would cost a read more than the look into memory. */
  get(name: string): StoredSecret | null;
  version(name: string, version: number): SecretVersion | null;
  /** The versions after this number, ascending; so many at the most. No value is read. */
  versions(name: string, after: number, limit: number): (VersionSummary | DamagedRow<number>)[];
  /** Live (not deleted, active) secrets only, ascending by name. No value is read. */
  list(request: ListRequest): (SecretSummary | DamagedRow<string>)[];
  /** Live secrets that carry a rotation and are due, soonest first; after the one that is given. */
  dueRotations(now: number, limit: number, after: DueRotation | null): Promise<DueRotation[]>;
  /** Versions whose destroyAt has passed and which still hold a value. */
  endedGraces(now: number, limit: number): Promise<{ name: string; version: number }[]>;
  /** Names that begin with `beginning` and come after `after`, ascending; so many at the most. */
  usage(beginning: string, after: string, limit: number): NameUsage[];
  usageOf(name: string): NameUsage | null;
  versionCount(name: string): number;
  /** The oldest versions of a name that were destroyed. */
  destroyedVersions(name: string, limit: number): number[];
  /** Live secrets: right at once after a restart, O(1). */
  count(): number;
  statistics(now: number): Promise<VaultStatistics>;

  /**
   * All or nothing; resolves after the fsync. Throws StoreError: `conflict` when a revision differs (nothing changed),
   * `full` when the disk is (nothing changed), `failed` for the rest.
   */
  commit(changes: readonly Change[], operation: Operation): Promise<void>;
  /** Whether the operation's commit is in the store; says nothing of intents before `rememberedFrom`. */
  committed(opId: string): Promise<boolean>;
  /** Commits of intents from this audit position on are remembered; earlier ones may be forgotten. */
  rememberedFrom(): Promise<number>;
  /** Intent position of the newest commit; null before the first. */
  lastIntent(): Promise<AuditPosition | null>;

  /** Every token, oldest first. */
  tokens(): StoredToken[];
  /**
   * All or nothing; resolves after the fsync. Throws StoreError as `commit` does.
   * @param operation null for what no audit record announces: when tokens were last used
   */
  commitTokens(change: TokenChange, operation: Operation | null): Promise<void>;

  auditSegments(): Promise<AuditSegment[]>;
  auditPosition(): Promise<AuditPosition | null>;
  /** Registers a segment (when given) and moves the noted position forward, in one durable transaction. */
  noteAudit(position: AuditPosition, segment?: AuditSegment): Promise<void>;
  /** For losses that an operator accepts: registers and forgets segments, and moves the noted position, in one transaction. */
  reviseAudit(revision: AuditRevision): Promise<void>;

  /** Throws StoreError when the store cannot be read or written now: for readiness. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export type StoreFailure = 'conflict' | 'full' | 'failed';

export class StoreError extends Error {
  readonly failure: StoreFailure;
  /** Whether it can pass by itself, as far as the store's own thread can tell. */
  readonly isTemporary: boolean;

  constructor(
    failure: StoreFailure,
    message: string,
    options: ErrorOptions & { readonly isTemporary?: boolean } = {},
  ) {
    super(message, options);
    this.name = 'StoreError';
    this.failure = failure;
    this.isTemporary = options.isTemporary ?? failure === 'full';
  }
}
