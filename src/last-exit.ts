import { readFileSync, writeFileSync } from 'node:fs';

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
      const text = readFileSync(this.#file, 'utf8').trim();
      return text === running ? 'killed' : text;
    } catch {
      return null;
    }
  }

  #write(state: string): void {
    try {
      writeFileSync(this.#file, `${state}\n`, { mode: 0o600 });
    } catch {
      // Only a gauge lives on this.
    }
  }
}
