import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { syncFolder } from '../durable-folders.ts';
import { errorMessage, StartError } from '../errors.ts';
import { replacePrivateFile } from './private-file.ts';
import { isTokenText } from './token-format.ts';

/** Larger than any token: what is longer is not read. */
const mostBytes = 100;

/** The file that hands the bootstrap token to whoever runs the service: mode 0600, the token and a line end. */
export class BootstrapFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Replaces the token of an earlier bootstrap. @throws StartError also when something else stands at the path */
  write(token: string): void {
    this.#attempt('write', () => {
      if (this.#content() === 'something else') {
        throw new StartError(
          `paths.bootstrap_token_path names ${this.path}, which holds something else than a token; move it away, or name another file`,
        );
      }
      replacePrivateFile(this.path, Buffer.from(`${token}\n`));
    });
  }

  /** Whether a token stands there. @throws StartError */
  holdsToken(): boolean {
    return this.#attempt('read', () => this.#content() === 'a token');
  }

  /** Removes a token; what is none stays. @throws StartError */
  remove(): void {
    this.#attempt('remove', () => {
      if (this.#content() !== 'a token') return;
      rmSync(this.path);
      syncFolder(dirname(resolve(this.path)));
    });
  }

  #content(): 'nothing' | 'a token' | 'something else' {
    const stats = lstatSync(this.path, { throwIfNoEntry: false });
    if (stats === undefined) return 'nothing';
    if (!stats.isFile() || stats.size > mostBytes) return 'something else';
    return isTokenText(readFileSync(this.path, 'latin1').trimEnd()) ? 'a token' : 'something else';
  }

  #attempt<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof StartError) throw error;
      throw new StartError(`cannot ${what} the bootstrap token file ${this.path}: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }
}
