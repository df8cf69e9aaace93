/** Rounds a name sits out at the most: an hour where rounds are a minute apart. */
const longestWait = 60;

interface Failure {
  readonly times: number;
  readonly retryRound: number;
}

/**
 * Which names failed and sit out rounds: 1 after the first failure, then 2, 4, 8, … to 60. It counts rounds and not
 * time, so that a clock that jumps neither strands a name nor releases all at once.
 */
export class Backoff {
  readonly #capacity: number;
  /** The one that failed longest ago comes first. */
  readonly #failures: Map<string, Failure> = new Map();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#failures.size;
  }

  mayTry(name: string, round: number): boolean {
    const failure = this.#failures.get(name);
    return failure === undefined || round >= failure.retryRound;
  }

  /** Returns how often the name has failed in a row. Past the capacity, the oldest failure is forgotten. */
  failed(name: string, round: number): number {
    const times = (this.#failures.get(name)?.times ?? 0) + 1;
    const wait = Math.min(2 ** (times - 1), longestWait);
    this.#failures.delete(name);
    this.#failures.set(name, { times, retryRound: round + 1 + wait });
    if (this.#failures.size > this.#capacity) this.#forgetOldest();
    return times;
  }

  succeeded(name: string): void {
    this.#failures.delete(name);
  }

  #forgetOldest(): void {
    for (const name of this.#failures.keys()) {
      this.#failures.delete(name);
      return;
    }
  }
}
