/**
 * The running log: gathers lines, writes them at once, and lets one fsync off the main thread release all who wait. A
 * failure rewinds the chain to the last durable record and latches the log.
 */
import { ServiceError } from '../errors.ts';
import { Gathering } from '../gathering.ts';
import { Batch, quietly } from './batch.ts';
import { Checkpoints } from './checkpoints.ts';
import { FilesChanged, type FileWatch } from './file-watch.ts';
import { isIntentNote, type OpenIntents, type UnfinishedIntent } from './intents.ts';
import { type DurableEnd, OpenSegment } from './open-segment.ts';
import { PendingLines } from './pending-lines.ts';
import type { AppendedRecord, AuditEntry, Flush } from './record.ts';
import { Recovery } from './recovery.ts';
import type { PlannedSegment } from './roll.ts';
import type { SegmentWriter } from './segment.ts';
import type { LogSettings, LogStart } from './settings.ts';
import type { LogIdentity } from './structure.ts';

/** Milliseconds between looks at the files that nothing is written to, and between tries to recover. */
const watchIntervalMs = 2000;
const recoveryIntervalMs = 1000;

export class SegmentedLog {
  readonly fingerprint: string;
  readonly lastRecordAt: number | null;
  readonly #settings: LogSettings;
  readonly #intents: OpenIntents;
  readonly #lines: PendingLines;
  readonly #checkpoints: Checkpoints;
  readonly #segment: OpenSegment;
  /** Takes what is appended until the next fsync begins. */
  #batch = new Batch();
  #syncing: Batch | null = null;
  /** Resolves when no fsync uses the file any more, not even one that was given up. */
  #syncDone: Promise<void> = Promise.resolve();
  /** For reads that wait for the write only. */
  #write: PromiseWithResolvers<Flush> | null = null;
  #rolling = false;
  readonly #flushing = new Gathering(
    () => this.#batch.records,
    () => this.#flush(),
  );
  #failure: { readonly cause: unknown } | null = null;
  readonly #recovery = new Recovery();
  readonly #watching: NodeJS.Timeout;
  readonly #recovering: NodeJS.Timeout;
  #closed = false;

  constructor(settings: LogSettings, identity: LogIdentity, start: LogStart, watch: FileWatch) {
    this.fingerprint = identity.fingerprint;
    this.lastRecordAt = start.tipTime;
    this.#settings = settings;
    this.#intents = start.intents;
    this.#lines = new PendingLines(start.tip, settings.clock);
    this.#checkpoints = new Checkpoints(settings, identity.vaultId, this.#lines);
    this.#segment = new OpenSegment(settings, identity, start, this.#lines, watch);
    this.#watching = setInterval(() => void this.#look(), watchIntervalMs).unref();
    this.#recovering = setInterval(() => void this.#recover(), recoveryIntervalMs).unref();
  }

  get writable(): boolean {
    return this.#failure === null && !this.#closed;
  }

  append(entries: readonly AuditEntry[]): AppendedRecord {
    if (entries.length === 0) throw new RangeError('There is nothing to append.');
    if (!this.writable) {
      this.#settings.metrics.auditRecordsFailed(entries.length);
      void this.#recover();
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
    return this.#syncPending();
  }

  unfinishedIntents(): readonly UnfinishedIntent[] {
    return this.#intents.list();
  }

  /** For readiness. Throws ServiceError `unavailable` while the log cannot be written; tries to recover first. */
  async probe(): Promise<void> {
    if (this.#failure === null && !this.#rolling) this.#failUnless(() => this.#segment.assertInPlace());
    await this.#recover();
    if (!this.writable) throw this.#unavailable();
  }

  /** Signs and syncs what there is. Throws ServiceError `unavailable` when that fails; the file is closed all the same. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#checkpoints.disarm();
    clearInterval(this.#watching);
    clearInterval(this.#recovering);
    try {
      if (this.#failure === null) await this.#flushLast();
      await this.#checkpoints.noted;
    } finally {
      await this.#recovery.settled();
      await this.#syncDone;
      this.#segment.close();
    }
  }

  /** A checkpoint may wait already, with a segment that is still to be created for it. */
  async #flushLast(): Promise<void> {
    if (this.#checkpoints.due) await this.sign();
    else if (this.#lines.length > 0 || this.#segment.next !== null) await this.#syncPending();
  }

  #syncPending(): Promise<unknown> {
    this.#batch.urgent = true;
    this.#flushing.schedule();
    return this.#batch.synced.promise;
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
    const { next } = this.#segment;
    if (next !== null) {
      if (isIdle) void this.#roll(next);
      return;
    }
    // While an fsync runs, lines gather: the next one covers them all. Reads that do not wait for it go ahead.
    if (!isIdle && this.#settings.sync === 'always') return;
    const started = performance.now();
    const write = () => this.#lines.length > 0 && this.#writeLines(isIdle && !this.#closed, started);
    if (!this.#failUnless(write)) return;
    if (isIdle && this.#batch.urgent) this.#sync(started);
  }

  #writeLines(mayEndSegment: boolean, started: number): void {
    const segment = this.#segment.writer;
    const endsSegment = mayEndSegment && segment.size + this.#lines.length >= this.#settings.segmentBytes;
    if (endsSegment) this.#addSignature();
    else this.#checkpoints.prove();
    segment.write(this.#lines.take());
    this.#write?.resolve({ started });
    this.#write = null;
    if (endsSegment) this.#segment.next = this.#planNext();
    else if (!this.#closed) this.#checkpoints.arm(() => void this.sign());
  }

  #sync(started: number): void {
    const segment = this.#segment.writer;
    const batch = this.#batch;
    this.#batch = new Batch();
    const position = this.#segment.next?.follows ?? this.#lines.tip;
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
    if (!this.#failUnless(() => segment.assertInPlace())) return;
    this.#syncing = null;
    this.#segment.durable = reached;
    for (const change of batch.changes) this.#intents.note(change);
    this.#settings.metrics.auditFlushed((performance.now() - started) / 1000);
    if (batch.records > 0) this.#settings.metrics.auditRecordsWritten(batch.records);
    if (batch.noted) this.#checkpoints.note(reached.position);
    batch.synced.resolve({ started });
    if (this.#lines.length > 0 || this.#segment.next !== null) this.#flushing.schedule();
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

  #planNext(): PlannedSegment {
    return this.#segment.plan([...this.#intents.list(), ...this.#batch.changes]);
  }

  async #follow(next: PlannedSegment): Promise<void> {
    await this.#segment.follow(next);
    for (const record of next.restated) this.#intents.note(record);
  }

  #addSignature(): void {
    this.#checkpoints.sign();
    this.#batch.urgent = true;
    this.#batch.noted = true;
  }

  /** Signs what there is now; resolves when the checkpoint is durable. */
  sign(): Promise<unknown> {
    this.#addSignature();
    return this.#syncPending();
  }

  #failUnless(work: () => unknown): boolean {
    try {
      work();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** Refuses all who wait, and forgets what they wrote. */
  #fail(cause: unknown): void {
    this.#failure = { cause };
    if (cause instanceof FilesChanged) this.#reportChange(cause);
    const batches = this.#syncing ? [this.#syncing, this.#batch] : [this.#batch];
    const lost = batches.reduce((sum, batch) => sum + batch.records, 0);
    if (lost > 0) this.#settings.metrics.auditRecordsFailed(lost);
    const { position } = this.#segment.durable;
    this.#lines.rewind(position);
    this.#checkpoints.rewind(position);
    this.#batch = new Batch();
    this.#syncing = null;
    for (const batch of batches) batch.synced.reject(this.#unavailable());
    this.#write?.reject(this.#unavailable());
    this.#write = null;
    this.#segment.rewind(cause);
  }

  #reportChange({ message }: FilesChanged): void {
    this.#settings.metrics.auditFilesChanged();
    this.#settings.report(
      `${message}. Reads and changes are refused until the file is as it was. If it is lost, stop the service; ` +
        'jarvis-secretsd audit accept-loss then shows what is missing and continues without it.',
    );
  }

  /** At files that nothing is written to just now. */
  async #look(): Promise<void> {
    if (this.#failure !== null || this.#rolling || this.#closed) return;
    try {
      await this.#segment.assertAllInPlace();
    } catch (error) {
      if (this.#failure === null && !this.#closed) this.#fail(error);
    }
  }

  async #recover(): Promise<void> {
    if (this.#failure !== null && !this.#closed) await this.#recovery.run(() => this.#reopen());
  }

  async #reopen(): Promise<void> {
    await this.#syncDone;
    try {
      await this.#segment.restore(this.#failure?.cause);
      await this.openNext();
      this.#failure = null;
    } catch (cause) {
      const seen = this.#failure?.cause;
      const isNews = cause instanceof FilesChanged && !(seen instanceof FilesChanged);
      if (isNews) this.#reportChange(cause);
      // As long as the files are not what they were, nothing may be cut off them.
      this.#failure = { cause: seen instanceof FilesChanged ? seen : cause };
      this.#lines.rewind(this.#segment.durable.position);
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
