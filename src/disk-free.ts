import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from './config/schema.ts';

/** How often free space is asked for, in milliseconds. */
const interval = 5000;

/** Free space of the two folders, as of the last look, so that nobody waits for a disk that does not answer. */
export class DiskFree {
  #isLooking = false;
  readonly #timer: NodeJS.Timeout;
  readonly #folders: readonly { path_kind: 'vault' | 'audit'; folder: string; bytes: number | null }[];

  constructor({ paths }: Pick<Config, 'paths'>) {
    this.#folders = [
      { path_kind: 'vault', folder: dirname(paths.vault_path), bytes: null },
      { path_kind: 'audit', folder: paths.audit_path, bytes: null },
    ];
    void this.#look();
    this.#timer = setInterval(() => void this.#look(), interval).unref();
  }

  read(): { path_kind: 'vault' | 'audit'; bytes: number }[] {
    return this.#folders.flatMap(({ path_kind, bytes }) => (bytes === null ? [] : [{ path_kind, bytes }]));
  }

  /** Of the folder with least free space; null while that is not known. */
  get least(): number | null {
    const known = this.#folders.map(({ bytes }) => bytes).filter(bytes => bytes !== null);
    return known.length === 0 ? null : Math.min(...known);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look at a time: each that hangs would take a thread from those that sync files. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (const disk of this.#folders) {
      try {
        const { bavail, bsize } = await statfs(disk.folder);
        disk.bytes = bavail * bsize;
      } catch {
        disk.bytes = null;
      }
    }
    this.#isLooking = false;
  }
}
