/**
 * The running log: gathers lines, writes them at once, and lets one fsync off the main thread release all who wait. A
 * failure rewinds the chain to the last durable record and latches the log.
 */
import { ServiceError } from '../errors.ts';
import { Gathering } from '../gathering.ts';
import { Batch, quietly } from './batch.ts';
import type { ChainPosition } from './chain.ts';
import { Checkpoints } from './checkpoints.ts';
import { isIntentNote, type OpenIntents, type UnfinishedIntent } from './intents.ts';
import { PendingLines } from './pending-lines.ts';
import type { AppendedRecord, AuditEntry, Flush } from './record.ts';
import { Recovery } from './recovery.ts';
import { createRegistered, type PlannedSegment } from './roll.ts';
import type { SegmentWriter } from './segment.ts';
import type { LogSettings, LogStart } from './settings.ts';
import { type LogIdentity, segmentFile, segmentOpened } from './structure.ts';

/** A position in the chain, and the bytes of the segment up to it. */
interface DurableEnd {
  readonly position: ChainPosition;
  readonly size: number;
}

export class SegmentedLog {
  readonly fingerprint: string;
  readonly lastRecordAt: number | null;
  readonly #settings: LogSettings;
  readonly #identity: LogIdentity;
  readonly #intents: OpenIntents;
  readonly #lines: PendingLines;
  readonly #checkpoints: Checkpoints;
  #segment: SegmentWriter | null;
  #file: string | null;
  /** What an fsync has confirmed. */
  #durable: DurableEnd;
  /** Takes what is appended until the next fsync begins. */
  #batch = new Batch();
  #syncing: Batch | null = null;
  /** Resolves when no fsync uses the file any more, not even one that was given up. */
  #syncDone: Promise<void> = Promise.resolve();
  /** For reads that wait for the write only. */
  #write: PromiseWithResolvers<Flush> | null = null;
  /** Holds all lines appended since; it is created once the segment before it is durable. */
  #next: PlannedSegment | null = null;
  #rolling = false;
  readonly #flushing = new Gathering(
    () => this.#batch.records,
    () => this.#flush(),
  );
  #failure: { readonly cause: unknown } | null = null;
  readonly #recovery = new Recovery();
  #closed = false;

  constructor(settings: LogSettings, identity: LogIdentity, start: LogStart) {
    this.fingerprint = identity.fingerprint;
    this.lastRecordAt = start.tipTime;
    this.#settings = settings;
    this.#identity = identity;
    this.#intents = start.intents;
    this.#lines = new PendingLines(start.tip, settings.clock);
    this.#checkpoints = new Checkpoints(settings, identity.vaultId, this.#lines);
    this.#segment = start.segment;
    this.#file = start.lastFile;
    this.#durable = { position: start.tip, size: start.segment?.size ?? 0 };
  }

  get writable(): boolean {
    return this.#failure === null && !this.#closed;
  }

  append(entries: readonly AuditEntry[]): AppendedRecord {
    if (entries.length === 0) throw new RangeError('There is nothing to append.');
    if (!this.writable) {
      this.#settings.metrics.auditRecordsFailed(entries.length);
      if (this.#failure !== null) void this.#recover();
      throw this.#unavailable();
    }
    const waitsForWrite = this.#settings.sync === 'changes' && entries.every(entry => entry.event === 'read');
    for (const entry of entries) this.#add(entry);
    this.#batch.records += entries.length;
    if (!waitsForWrite) this.#batch.urgent = true;
    this.#flushing.schedule();
    if (!waitsForWrite) return { ...this.#lines.tip, durable: this.#batch.synced.promise };
    this.#write ??= quietly(Promise.withResolvers());
    return { ...this.#lines.tip, durable: this.#write.promise };
  }

  /** Appends records that are no audit events; resolves when they are durable. */
  appendStructural(entry: AuditEntry): Promise<unknown> {
    this.#lines.add(entry);
    this.#batch.urgent = true;
    this.#flushing.schedule();
    return this.#batch.synced.promise;
  }

  unfinishedIntents(): readonly UnfinishedIntent[] {
    return this.#intents.list();
  }

  /** For readiness. Throws ServiceError `unavailable` while the log cannot be written; tries to recover first. */
  async probe(): Promise<void> {
    if (this.#failure === null && !this.#rolling) {
      try {
        this.#segment?.assertInPlace();
      } catch (error) {
        this.#fail(error);
      }
    }
    if (this.#failure !== null) await this.#recover();
    if (!this.writable) throw this.#unavailable();
  }

  /** Signs and syncs what there is. Throws ServiceError `unavailable` when that fails; the file is closed all the same. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#checkpoints.disarm();
    try {
      if (this.#failure === null && this.#checkpoints.due) await this.sign();
      await this.#checkpoints.noted;
    } finally {
      await this.#recovery.settled();
      await this.#syncDone;
      this.#segment?.close();
    }
  }

  /** Opens the next segment now: at the start, and to leave one behind whose fsync failed. */
  async openNext(): Promise<void> {
    await this.#follow(this.#planNext());
  }

  #add(entry: AuditEntry): void {
    const position = this.#lines.add(entry);
    if (isIntentNote(entry.event)) this.#batch.changes.push({ ...position, entry });
  }

  #flush(): void {
    if (this.#failure !== null || this.#rolling) return;
    const isIdle = this.#syncing === null;
    if (this.#next !== null) {
      if (isIdle) void this.#roll(this.#next);
      return;
    }
    // While an fsync runs, lines gather: the next one covers them all. Reads that do not wait for it go ahead.
    if (!isIdle && this.#settings.sync === 'always') return;
    const started = performance.now();
    try {
      if (this.#lines.length > 0) this.#writeLines(isIdle && !this.#closed, started);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (isIdle && this.#batch.urgent) this.#sync(started);
  }

  #writeLines(mayEndSegment: boolean, started: number): void {
    const segment = this.#openSegment();
    const endsSegment = mayEndSegment && segment.size + this.#lines.length >= this.#settings.segmentBytes;
    if (endsSegment) this.#addSignature();
    else this.#checkpoints.prove();
    segment.write(this.#lines.take());
    this.#write?.resolve({ started });
    this.#write = null;
    if (endsSegment) this.#next = this.#planNext();
    else if (!this.#closed) this.#checkpoints.arm(() => void this.sign());
  }

  #sync(started: number): void {
    const segment = this.#openSegment();
    const batch = this.#batch;
    this.#batch = new Batch();
    const position = this.#next?.follows ?? this.#lines.tip;
    const reached = { position, size: segment.size };
    this.#syncing = batch;
    this.#syncDone = segment.sync().then(
      () => this.#synced(batch, segment, reached, started),
      (error: unknown) => {
        if (this.#syncing === batch) this.#fail(error);
      },
    );
  }

  #synced(batch: Batch, segment: SegmentWriter, reached: DurableEnd, started: number): void {
    if (this.#syncing !== batch) return;
    try {
      segment.assertInPlace();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#syncing = null;
    this.#durable = reached;
    for (const change of batch.changes) this.#intents.note(change);
    this.#settings.metrics.auditFlushed((performance.now() - started) / 1000);
    if (batch.records > 0) this.#settings.metrics.auditRecordsWritten(batch.records);
    if (batch.noted) this.#checkpoints.note(reached.position);
    batch.synced.resolve({ started });
    if (this.#lines.length > 0 || this.#next !== null) this.#flushing.schedule();
  }

  async #roll(next: PlannedSegment): Promise<void> {
    this.#rolling = true;
    try {
      await this.#follow(next);
    } catch (error) {
      this.#fail(error);
    }
    this.#rolling = false;
    this.#flushing.schedule();
  }

  /** The lines appended from now on stand in the segment that this plans. */
  #planNext(): PlannedSegment {
    const follows = this.#lines.tip;
    const changes = [...this.#intents.list(), ...this.#batch.changes];
    const opened = segmentOpened(this.#identity, this.#file, changes[0]?.seq ?? follows.seq + 1);
    const header = this.#lines.link(opened);
    return { file: segmentFile(follows.seq + 1), header, follows, position: this.#lines.tip };
  }

  async #follow(next: PlannedSegment): Promise<void> {
    const segment = await createRegistered(this.#settings, next);
    this.#segment?.close();
    this.#segment = segment;
    this.#file = next.file;
    this.#next = null;
    this.#durable = { position: next.position, size: segment.size };
  }

  #openSegment(): SegmentWriter {
    if (this.#segment === null) throw new Error('The audit log has no open segment.');
    return this.#segment;
  }

  #addSignature(): void {
    this.#checkpoints.sign();
    this.#batch.urgent = true;
    this.#batch.noted = true;
  }

  /** Signs what there is now; resolves when the checkpoint is durable. */
  sign(): Promise<unknown> {
    this.#addSignature();
    this.#flushing.schedule();
    return this.#batch.synced.promise;
  }

  /** Refuses all who wait, and forgets what they wrote. */
  #fail(cause: unknown): void {
    this.#failure = { cause };
    const batches = this.#syncing ? [this.#syncing, this.#batch] : [this.#batch];
    const lost = batches.reduce((sum, batch) => sum + batch.records, 0);
    if (lost > 0) this.#settings.metrics.auditRecordsFailed(lost);
    this.#lines.rewind(this.#durable.position);
    this.#checkpoints.rewind(this.#durable.position);
    this.#batch = new Batch();
    this.#syncing = null;
    this.#next = null;
    for (const batch of batches) batch.synced.reject(this.#unavailable());
    this.#write?.reject(this.#unavailable());
    this.#write = null;
    try {
      this.#segment?.truncate(this.#durable.size);
    } catch {
      // Recovery truncates again, and only then goes on.
    }
  }

  async #recover(): Promise<void> {
    if (!this.#closed) await this.#recovery.run(() => this.#reopen());
  }

  /** A retried fsync can succeed without having written, so nothing after the durable end of the segment is kept. */
  async #reopen(): Promise<void> {
    await this.#syncDone;
    try {
      this.#segment?.assertInPlace();
      this.#segment?.truncate(this.#durable.size);
      await this.#segment?.sync();
      await this.openNext();
      this.#failure = null;
    } catch (cause) {
      this.#failure = { cause };
      this.#lines.rewind(this.#durable.position);
    }
  }

  #unavailable(): ServiceError {
    return new ServiceError(
      'unavailable',
      'The audit log cannot be written; what needs a record is refused until it can.',
      { cause: this.#failure?.cause },
    );
  }
}
