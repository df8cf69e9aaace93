import type { BootstrapFile } from './bootstrap-file.ts';
import { systemCaller } from './caller.ts';
import type { TokenIndex } from './token-index.ts';
import type { Tokens } from './tokens.ts';

const lifetime = 86_400_000;

/** What a start in token mode finds or makes; the last two leave no way in but tokens made before. */
export type WayIn = 'made' | 'waiting' | 'file missing' | 'closed';

/** The first token of a vault, and the way back in: it may only manage tokens, and lives 24 hours. */
export class Bootstrap {
  readonly #tokens: Tokens;
  readonly #index: TokenIndex;
  readonly #file: BootstrapFile;
  readonly #neverHadToken: boolean;

  constructor(tokens: Tokens, index: TokenIndex, file: BootstrapFile, neverHadToken: boolean) {
    this.#tokens = tokens;
    this.#index = index;
    this.#file = file;
    this.#neverHadToken = neverHadToken;
  }

  /**
   * For a start in token mode: makes a bootstrap token while the vault has never had a token, and removes the file of
   * one that has ended.
   * @throws StartError, ServiceError
   */
  async open(): Promise<WayIn> {
    if (this.#neverHadToken) {
      await this.#issue('service');
      return 'made';
    }
    if (this.#index.liveBootstraps().length > 0) return this.#file.holdsToken() ? 'waiting' : 'file missing';
    this.#file.remove();
    return 'closed';
  }

  /** For the command line: a new one, whatever there was. @throws StartError, ServiceError */
  async renew(): Promise<void> {
    await this.#issue('command line');
  }

  /** The file first: a token that is good and that nobody has would close the door. */
  async #issue(by: string): Promise<void> {
    try {
      await this.#tokens.issueBootstrap(systemCaller(by), lifetime, token => this.#file.write(token));
    } catch (error) {
      this.#file.remove();
      throw error;
    }
  }
}
