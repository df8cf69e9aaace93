import { hash } from 'node:crypto';
import type { Policy } from './policy.ts';
import { loadPolicy } from './policy-file.ts';

/** The policy that decides now, and how its last reload went. */
export class PolicyInForce {
  readonly #file: string;
  #policy: Policy;
  #loadedAt: number;
  #lastReloadSucceeded = true;

  /** @throws StartError when the file cannot be used */
  constructor(file: string, now: number) {
    this.#file = file;
    this.#policy = loadPolicy(file).policy;
    this.#loadedAt = now;
  }

  get policy(): Policy {
    return this.#policy;
  }

  get lastReloadSucceeded(): boolean {
    return this.#lastReloadSucceeded;
  }

  /** When the policy in force was read, in milliseconds since the epoch. */
  get loadedAt(): number {
    return this.#loadedAt;
  }

  /**
   * Reads the file again; a broken one leaves the policy as it is.
   * @param requireClosedFiles throws where others could have written the file
   * @param accept is given the SHA-256 of the new file before it takes effect, and may refuse by rejecting
   * @throws what the file or `accept` has against it
   */
  async reload(
    now: number,
    requireClosedFiles: () => void,
    accept: (sha256: string) => Promise<void>,
  ): Promise<void> {
    this.#lastReloadSucceeded = false;
    requireClosedFiles();
    const { policy, text } = loadPolicy(this.#file);
    await accept(hash('sha256', text));
    this.#policy = policy;
    this.#loadedAt = now;
    this.#lastReloadSucceeded = true;
  }
}
