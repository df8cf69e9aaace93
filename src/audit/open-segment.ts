/** The segment that lines are written to, how far it is durable, and the segment that follows it. */
import type { ChainPosition } from './chain.ts';
import { FilesChanged, type FileWatch } from './file-watch.ts';
import { intentRestated, OpenIntents, type UnfinishedIntent } from './intents.ts';
import type { PendingLines } from './pending-lines.ts';
import { createRegistered, type PlannedSegment } from './roll.ts';
import type { SegmentWriter } from './segment.ts';
import type { LogSettings, LogStart } from './settings.ts';
import { type LogIdentity, segmentFile, segmentOpened } from './structure.ts';
import { setAside } from './torn.ts';

/** A position in the chain, and the bytes of the segment up to it. */
export interface DurableEnd {
  readonly position: ChainPosition;
  readonly size: number;
}

export class OpenSegment {
  /** Confirmed by an fsync. */
  durable: DurableEnd;
  /** Holds all lines appended since it was planned; it is created once the segment before it is durable. */
  next: PlannedSegment | null = null;
  readonly #settings: LogSettings;
  readonly #identity: LogIdentity;
  readonly #lines: PendingLines;
  readonly #watch: FileWatch;
  #writer: SegmentWriter | null;
  #file: string | null;
  /** The first record of the segment; intents before it are restated in the next one. */
  #firstSeq: number;

  constructor(
    settings: LogSettings,
    identity: LogIdentity,
    start: LogStart,
    lines: PendingLines,
    watch: FileWatch,
  ) {
    this.#settings = settings;
    this.#identity = identity;
    this.#lines = lines;
    this.#watch = watch;
    this.#writer = start.segment;
    this.#file = start.lastFile;
    this.#firstSeq = start.lastFirstSeq;
    this.durable = { position: start.tip, size: start.segment?.size ?? 0 };
  }

  get writer(): SegmentWriter {
    if (this.#writer === null) throw new Error('The audit log has no open segment.');
    return this.#writer;
  }

  /** The lines appended from now on stand in the segment that this plans. */
  plan(open: readonly UnfinishedIntent[]): PlannedSegment {
    const follows = this.#lines.tip;
    const firstSeq = follows.seq + 1;
    const isRecent = ({ seq, restatedAt }: UnfinishedIntent) => (restatedAt ?? seq) >= this.#firstSeq;
    const intentsFrom = OpenIntents.oldestPlace(open.filter(isRecent)) ?? firstSeq;
    let text = this.#lines.link(segmentOpened(this.#identity, this.#file, intentsFrom));
    const restated: UnfinishedIntent[] = [];
    for (const intent of open.filter(intent => !isRecent(intent))) {
      const entry = intentRestated(intent);
      text += this.#lines.link(entry);
      restated.push({ ...this.#lines.tip, entry });
    }
    return { file: segmentFile(firstSeq), firstSeq, text, follows, restated, position: this.#lines.tip };
  }

  /** Creates the planned segment; lines go to it from now on. Throws what the file system or the registry throws. */
  async follow(next: PlannedSegment): Promise<void> {
    const segment = await createRegistered(this.#settings, next);
    this.#writer?.close();
    if (this.#file !== null) await this.#watch.add(this.#file);
    this.#writer = segment;
    this.#file = next.file;
    this.#firstSeq = next.firstSeq;
    this.next = null;
    this.durable = { position: next.position, size: segment.size };
  }

  /** Whether the file still is as it was written. Throws FilesChanged. */
  assertInPlace(): void {
    this.#writer?.assertInPlace();
  }

  /** Compares all files with what was last seen. Throws FilesChanged. */
  async assertAllInPlace(): Promise<void> {
    await this.#watch.check();
    this.assertInPlace();
    if (this.#writer?.wasTouched !== true) return;
    this.#writer.forgetTouch();
    await this.#assertContent();
  }

  /** Takes back lines that are not durable. What somebody else did to the file is not touched: it is evidence. */
  rewind(cause: unknown): void {
    this.next = null;
    if (cause instanceof FilesChanged) return;
    try {
      this.#writer?.truncate(this.durable.size);
    } catch {
      // Recovery truncates again, and only then goes on.
    }
  }

  /**
   * Makes the log fit to go on in a new segment. A retried fsync can succeed without having written, so nothing after the
   * durable end of the segment is kept. Throws what stands in the way.
   */
  async restore(cause: unknown): Promise<void> {
    await this.#watch.check(true);
    const segment = this.#writer;
    if (segment === null || this.#file === null) return;
    if (cause instanceof FilesChanged) {
      await this.#assertContent();
      await this.#setForeignEndAside(this.#file);
      segment.syncPath();
      return;
    }
    segment.assertSameFile();
    segment.truncate(this.durable.size);
    await segment.sync();
  }

  close(): void {
    this.#writer?.close();
  }

  async #assertContent(): Promise<void> {
    if (this.#file !== null) await this.#watch.assertContent(this.#file, this.durable.position);
  }

  async #setForeignEndAside(file: string): Promise<void> {
    const { size } = this.durable;
    const bytes = this.writer.sizeOnDisk() - size;
    if (bytes > 0) await setAside(this.#settings.folder, { file, offset: size, bytes, records: null });
  }
}
