import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from './config/schema.ts';

/** Free space of the two folders; asked anew at each reading, and known at the next, so that a scrape never waits. */
export class DiskFree {
  readonly #folders: readonly { path_kind: 'vault' | 'audit'; folder: string; bytes: number | null }[];

  constructor({ paths }: Pick<Config, 'paths'>) {
    this.#folders = [
      { path_kind: 'vault', folder: dirname(paths.vault_path), bytes: null },
      { path_kind: 'audit', folder: paths.audit_path, bytes: null },
    ];
    this.#refresh();
  }

  read(): { path_kind: 'vault' | 'audit'; bytes: number }[] {
    this.#refresh();
    return this.#folders.flatMap(({ path_kind, bytes }) => (bytes === null ? [] : [{ path_kind, bytes }]));
  }

  #refresh(): void {
    for (const disk of this.#folders) {
      statfs(disk.folder).then(
        ({ bavail, bsize }) => {
          disk.bytes = bavail * bsize;
        },
        () => {
          disk.bytes = null;
        },
      );
    }
  }
}
