import { closeSync, constants, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export type ExitReason = 'clean' | 'uncaught_error' | 'store_failure';

const running = 'running';

/** Remembers beside the vault how the process before this one ended, for the gauge `last_exit_reason`. */
export class LastExit {
  readonly #file: string;
  /** Null where nothing is known; `killed` where the process before had no time to say. */
  readonly previous: string | null;

  constructor(vaultPath: string) {
    this.#file = `${vaultPath}.exit`;
    this.previous = this.#read();
  }

  /** Call once the vault is this process's own. */
  noteRunning(): void {
    this.#write(running);
  }

  /** Never throws: a full disk must not turn a clean end into a failed one. */
  note(reason: ExitReason): void {
    this.#write(reason);
  }

  #read(): string | null {
    try {
      const file = openSync(this.#file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const text = readFileSync(file, 'utf8').trim();
        return text === running ? 'killed' : text;
      } finally {
        closeSync(file);
      }
    } catch {
      return null;
    }
  }

  /** A new file each time: where the name is a link, nothing is written over what it leads to. */
  #write(state: string): void {
    const written = `${this.#file}.new`;
    try {
      rmSync(written, { force: true });
      writeFileSync(written, `${state}\n`, { flag: 'wx', mode: 0o600 });
      renameSync(written, this.#file);
    } catch {
      // Only a gauge lives on this.
    }
  }
}
