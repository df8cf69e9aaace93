import { realpathSync } from 'node:fs';
import { stat } from 'node:fs/promises';

export interface VaultFileSize {
  readonly file: 'database' | 'wal';
  readonly bytes: number;
}

/** Sizes of the vault's files; asked again at each reading, and known at the next, so that a scrape never waits. */
export class VaultFileSizes {
  readonly #files: readonly { file: VaultFileSize['file']; path: string; bytes: number | null }[];

  /** The write-ahead log lies next to the real database, where the path of the vault is a symbolic link. */
  constructor(vaultPath: string) {
    const database = realpathSync(vaultPath);
    this.#files = [
      { file: 'database', path: database, bytes: null },
      { file: 'wal', path: `${database}-wal`, bytes: null },
    ];
    this.#refresh();
  }

  read(): VaultFileSize[] {
    this.#refresh();
    return this.#files.flatMap(({ file, bytes }) => (bytes === null ? [] : [{ file, bytes }]));
  }

  #refresh(): void {
    for (const entry of this.#files) {
      stat(entry.path).then(
        ({ size }) => {
          entry.bytes = size;
        },
        () => {
          entry.bytes = null;
        },
      );
    }
  }
}
