/** One segment file that is open for appending. */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  openSync,
  statSync,
  writeSync,
} from 'node:fs';
import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolderAsync } from '../durable-folders.ts';

const forAppending = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;

export class SegmentWriter {
  readonly path: string;
  readonly #descriptor: number;
  readonly #inode: number;
  readonly #device: number;
  /** Bytes in the file, those not yet synced included. */
  #size: number;

  private constructor(path: string, descriptor: number) {
    const { ino, dev, size } = fstatSync(descriptor);
    this.path = path;
    this.#descriptor = descriptor;
    this.#inode = ino;
    this.#device = dev;
    this.#size = size;
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
    return this.#size;
  }

  /** Writes all of it at the end of the file, or throws; what a failed write left behind is for `truncate`. */
  write(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(this.#descriptor, bytes, written);
      written += count;
      this.#size += count;
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
    this.#size = size;
  }

  /** Throws unless the file still is what stands under its path: not deleted, not moved, not replaced. */
  assertInPlace(): void {
    const found = statSync(this.path, { throwIfNoEntry: false });
    if (found?.ino === this.#inode && found.dev === this.#device) return;
    throw new Error(`${this.path} was removed or replaced while it was being written`);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
