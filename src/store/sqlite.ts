import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { errorMessage } from '../errors.ts';
import { CachedSecrets } from './cached-secrets.ts';
import { createDatabaseFile, openForReading } from './database.ts';
import { isWrite, type RowChange } from './messages.ts';
import { Reader } from './reader.ts';
import { encodeHead, encodeToken, encodeVersion, isLive } from './rows.ts';
import type { ProtectionFound, SealStart } from './seal-facts.ts';
import type { SealKeys } from './sealing.ts';
import {
  type AuditPosition,
  type AuditRevision,
  type AuditSegment,
  type Change,
  type DamagedRow,
  type DueRotation,
  type ListRequest,
  type NameRange,
  type NameUsage,
  type Operation,
  rememberedPositions,
  type SecretSummary,
  type SecretVersion,
  type Store,
  type StoredSecret,
  type StoredToken,
  StoreError,
  type TokenChange,
  type VaultStatistics,
  type VersionSummary,
} from './store.ts';
import { UsageReader } from './usage.ts';
import { WriteProbe } from './write-probe.ts';
import { WriterClient } from './writer-client.ts';

const standardCacheBytes = 67_108_864;

/** Sorts after every name. */
const afterAllNames = '\u{10FFFF}';

export interface SqliteStoreOptions {
  readonly path: string;
  /** Make the vault where there is none; without it a missing file is an error. */
  readonly create: boolean;
  /** Write nothing: refuse changes, and a vault of an earlier release instead of bringing it up to this one. */
  readonly asIs?: boolean;
  /** Bring a vault of an earlier release up to this one; on unless `asIs`. */
  readonly migrate?: boolean;
  /** Called once when writes can no longer be trusted: the process must end, and start again from what is on disk. */
  readonly onFatal: (error: Error) => void;
  /** What the cache of secrets may take, in bytes; 64 MiB unless given. */
  readonly cacheBytes?: number | undefined;
  readonly metrics?: { storeCommitted(seconds: number): void };
}

/**
 * Opens a vault in a SQLite file: a read-only connection on this thread, the writing one on a thread of its own.
 * Throws StoreError `failed` when the file is missing, no vault, or of a newer version.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  prepareFile(options);
  const { path, create, asIs = false, migrate = !asIs } = options;
  const { writer, opened } = await WriterClient.start(
    { path, create, migrate, write: !asIs },
    options.onFatal,
  );
  try {
    return new SqliteStore(openForReading(path), writer, opened, options);
  } catch (error) {
    await writer.close();
    throw error;
  }
}

function prepareFile({ path, create }: SqliteStoreOptions): void {
  if (!create) {
    if (existsSync(path)) return;
    throw new StoreError('failed', `there is no vault at ${path}`);
  }
  try {
    createDatabaseFile(path);
  } catch (error) {
    throw new StoreError('failed', `cannot create the vault ${path}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

class SqliteStore implements Store {
  readonly writerEpoch: number | null;
  readonly #reader: Reader;
  readonly #usage: UsageReader;
  readonly #writer: WriterClient;
  readonly #secrets: CachedSecrets;
  readonly #probe: WriteProbe;
  #liveCount: number;
  #sealedCommits: number | null = null;
  onForeignCommits: (commits: number) => void = () => {};

  constructor(
    database: DatabaseSync,
    writer: WriterClient,
    opened: { readonly liveCount: number; readonly writerEpoch: number | null },
    { path, cacheBytes = standardCacheBytes, metrics }: SqliteStoreOptions,
  ) {
    this.writerEpoch = opened.writerEpoch;
    const reader = new Reader(database);
    this.#reader = reader;
    this.#usage = new UsageReader(database);
    this.#writer = writer;
    this.#secrets = new CachedSecrets(reader, cacheBytes);
    this.#probe = new WriteProbe(path, async () => void (await writer.request({ kind: 'touch' })));
    this.#liveCount = opened.liveCount;
    writer.onBatch = (report, requests) => {
      this.#liveCount = report.liveCount;
      this.#sealedCommits = report.sealedCommits;
      this.#secrets.batchDone(requests);
      if (requests.some(isWrite)) this.#probe.batchDone(report.seconds !== null);
      if (report.seconds !== null) metrics?.storeCommitted(report.seconds);
    };
    writer.onForeignCommits = commits => this.onForeignCommits(commits);
  }

  async protect(keys: SealKeys, seal: SealStart | null): Promise<ProtectionFound> {
    const answer = await this.#writer.request({ kind: 'protect', keys, seal });
    if (answer.kind !== 'protect') throw new StoreError('failed', 'the writer protects nothing');
    return answer.found;
  }

  async erase(): Promise<boolean> {
    const answer = await this.#writer.request({ kind: 'erase' });
    return answer.kind === 'erase' && answer.isDone;
  }

  async announceSeal(): Promise<void> {
    await this.#writer.request({ kind: 'announceSeal' });
  }

  sealedCommits(): number | null {
    return this.#sealedCommits;
  }

  async state(key: string): Promise<Uint8Array | null> {
    return this.#reader.state(key);
  }

  async putState(entries: Readonly<Record<string, Uint8Array>>): Promise<void> {
    const copies = Object.entries(entries).map(([key, value]): [string, Uint8Array] => [
      key,
      new Uint8Array(value),
    ]);
    await this.#writer.request({ kind: 'putState', entries: copies });
  }

  get(name: string): StoredSecret | null {
    return this.#secrets.get(name);
  }

  version(name: string, version: number): SecretVersion | null {
    return this.#reader.version(name, version);
  }

  versions(name: string, after: number, limit: number): (VersionSummary | DamagedRow<number>)[] {
    return this.#reader.versions(name, after, limit);
  }

  list({ ranges, after, limit }: ListRequest): (SecretSummary | DamagedRow<string>)[] {
    const secrets: (SecretSummary | DamagedRow<string>)[] = [];
    for (const range of ranges) {
      if (secrets.length >= limit) break;
      secrets.push(...this.#liveIn(range, after, limit - secrets.length));
    }
    return secrets;
  }

  async dueRotations(now: number, limit: number, after: DueRotation | null): Promise<DueRotation[]> {
    return this.#reader.dueRotations(now, limit, after);
  }

  async endedGraces(now: number, limit: number): Promise<{ name: string; version: number }[]> {
    return this.#reader.endedGraces(now, limit);
  }

  usage(beginning: string, after: string, limit: number): NameUsage[] {
    return this.#usage.names(beginning, after, limit);
  }

  usageOf(name: string): NameUsage | null {
    return this.#usage.of(name);
  }

  versionCount(name: string): number {
    return this.#usage.versions(name);
  }

  destroyedVersions(name: string, limit: number): number[] {
    return this.#usage.destroyedVersions(name, limit);
  }

  count(): number {
    return this.#liveCount;
  }

  async statistics(now: number): Promise<VaultStatistics> {
    const answer = await this.#writer.request({ kind: 'statistics', now });
    if (answer.kind !== 'statistics') throw new StoreError('failed', 'the writer gave no statistics');
    return answer.statistics;
  }

  async commit(changes: readonly Change[], operation: Operation): Promise<void> {
    await this.#writer.request({
      kind: 'commit',
      changes: changes.map(encodeChange),
      operation: positionOf(operation),
    });
  }

  tokens(): StoredToken[] {
    return this.#reader.tokens();
  }

  async commitTokens({ put, drop }: TokenChange, operation: Operation | null): Promise<void> {
    await this.#writer.request({
      kind: 'commitTokens',
      put: put.map(encodeToken),
      drop: [...drop],
      operation: operation === null ? null : positionOf(operation),
    });
  }

  async committed(opId: string): Promise<boolean> {
    return this.#reader.committed(opId);
  }

  async rememberedFrom(): Promise<number> {
    return (this.#reader.lastIntent()?.seq ?? 0) - rememberedPositions + 1;
  }

  async lastIntent(): Promise<AuditPosition | null> {
    return this.#reader.lastIntent();
  }

  async auditSegments(): Promise<AuditSegment[]> {
    return this.#reader.auditSegments();
  }

  async auditPosition(): Promise<AuditPosition | null> {
    return this.#reader.auditPosition();
  }

  async noteAudit(position: AuditPosition, segment?: AuditSegment): Promise<void> {
    await this.#writer.request({ kind: 'noteAudit', position, segment: segment ?? null });
  }

  async reviseAudit({ position, add, drop }: AuditRevision): Promise<void> {
    await this.#writer.request({ kind: 'reviseAudit', position, add: [...add], drop: [...drop] });
  }

  async check(): Promise<void> {
    this.#reader.liveCount();
    this.#writer.requireRunning();
    await this.#probe.run();
  }

  async close(): Promise<void> {
    // The writer's connection goes last: as the last one it folds the log into the database file.
    this.#reader.close();
    await this.#writer.close();
  }

  #liveIn(range: NameRange, after: string | null, limit: number): (SecretSummary | DamagedRow<string>)[] {
    // The least string after `after` is itself with a NUL.
    const from = after !== null && after >= range.from ? `${after}\0` : range.from;
    const to = range.to ?? afterAllNames;
    return from < to ? this.#reader.live(from, to, limit) : [];
  }
}

/** Nothing else that the caller's object may carry goes to the writer's thread. */
function positionOf({ opId, intentSeq, intentHash }: Operation): Operation {
  return { opId, intentSeq, intentHash };
}

function encodeChange(change: Change): RowChange {
  return {
    name: change.head.name,
    expectedRevision: change.expectedRevision,
    live: isLive(change.head),
    head: encodeHead(change.head),
    versions: change.versions.map(encodeVersion),
    dropVersions: change.dropVersions ?? false,
    dropped: [...(change.dropped ?? [])],
  };
}
