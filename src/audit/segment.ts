/** One segment file that is open for appending. */
import {
  type BigIntStats,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';
import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolderAsync } from '../durable-folders.ts';
import { differenceOf, FilesChanged } from './file-watch.ts';

const forAppending = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;

/** Milliseconds after a look at the file in which a write does not look again: under load there is one after each write. */
const trustedForMs = 5;

export class SegmentWriter {
  readonly path: string;
  readonly #descriptor: number;
  /** The file as this process left it; its size counts bytes that are not yet synced. */
  readonly #left: BigIntStats;
  /** Whether this process has written since it last looked at the file: its time of change is its own then. */
  #hasWritten = false;
  #wasTouched = false;
  #isClosed = false;
  #lookedAt = Number.NEGATIVE_INFINITY;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#left = fstatSync(descriptor, { bigint: true });
  }

  /** Creates the file, durably and under its name, with `header` as its content; leaves nothing when that fails. */
  static async create(path: string, header: string): Promise<SegmentWriter> {
    const segment = new SegmentWriter(path, openSync(path, 'ax', 0o600));
    try {
      segment.write(header);
      await segment.sync();
      await syncFolderAsync(dirname(path));
      return segment;
    } catch (error) {
      segment.close();
      await unlink(path);
      throw error;
    }
  }

  static reopen(path: string): SegmentWriter {
    return new SegmentWriter(path, openSync(path, forAppending));
  }

  get size(): number {
    return Number(this.#left.size);
  }

  /** Whether somebody else has changed the file, its mode or its links since the last `forgetTouch`. */
  get wasTouched(): boolean {
    return this.#wasTouched;
  }

  forgetTouch(): void {
    this.#wasTouched = false;
  }

  /** Writes all of it at the end of the file, or throws; what a failed write left behind is for `truncate`. */
  write(text: string): void {
    if (performance.now() - this.#lookedAt > trustedForMs) this.assertInPlace();
    const bytes = Buffer.from(text, 'utf8');
    this.#hasWritten = true;
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(this.#descriptor, bytes, written);
      written += count;
      this.#left.size += BigInt(count);
    }
  }

  /** fdatasync, off the main thread. */
  sync(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    fdatasync(this.#descriptor, error => (error ? reject(error) : resolve()));
    return promise;
  }

  truncate(size: number): void {
    ftruncateSync(this.#descriptor, size);
    this.#left.size = BigInt(size);
    this.#hasWritten = true;
  }

  /** That the file under the path is the one that was written, whatever its size. Throws FilesChanged. */
  assertSameFile(): void {
    const found = this.#find();
    const difference = differenceOf(this.#left, found && Object.assign(found, { size: this.#left.size }));
    if (difference !== null) throw new FilesChanged(this.path, difference);
  }

  /** That nobody else has moved, replaced, cut or extended the file, or opened it to others. Throws FilesChanged. */
  assertInPlace(): void {
    this.#lookedAt = performance.now();
    const found = this.#find();
    const difference = differenceOf(this.#left, found);
    if (difference !== null || found === undefined) throw new FilesChanged(this.path, difference ?? '');
    if (!this.#hasWritten && found.ctimeNs !== this.#left.ctimeNs) this.#wasTouched = true;
    this.#hasWritten = false;
    this.#left.ctimeNs = found.ctimeNs;
  }

  /** Bytes of the file that stands under the path now. */
  sizeOnDisk(): number {
    return Number(this.#find()?.size ?? 0);
  }

  /** Makes the file under the path durable, also if it is another one by now. */
  syncPath(): void {
    const descriptor = openSync(this.path, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }

  #find(): BigIntStats | undefined {
    return statSync(this.path, { bigint: true, throwIfNoEntry: false });
  }

  /** May be called again: the number of a closed descriptor is soon that of another file. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }
}
