import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { endianness } from 'node:os';

/** Where the counter of commits stands in the header of the index: https://sqlite.org/walformat.html, "WAL-Index Header". */
const commitsAt = 8;

/** Looks at the files of an open vault beside SQLite, which tells that something was changed, but not by how many commits. */
export class WalIndex {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #inode: number;
  readonly #number = Buffer.alloc(4);

  /** @param path of the vault, which is open and in WAL mode */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = openSync(`${path}-shm`, 'r');
    this.#inode = statSync(path).ino;
  }

  /** Commits of all processes, modulo 2^32, from a start of its own; checkpoints and reads leave it alone. */
  commits(): number {
    readSync(this.#descriptor, this.#number, 0, 4, commitsAt);
    return endianness() === 'LE' ? this.#number.readUInt32LE() : this.#number.readUInt32BE();
  }

  /** @throws Error where a file of the vault was removed or replaced: what is committed would go with it */
  assertInPlace(): void {
    const vault = statSync(this.#path, { throwIfNoEntry: false });
    const index = statSync(`${this.#path}-shm`, { throwIfNoEntry: false });
    if (vault?.ino === this.#inode && index?.ino === fstatSync(this.#descriptor).ino) return;
    throw new Error(`${this.#path} or its -shm file was removed or replaced while the service was running`);
  }

  /** Only after the last connection of this process to the vault is closed: closing the file lets go of SQLite's locks on it. */
  close(): void {
    closeSync(this.#descriptor);
  }
}
