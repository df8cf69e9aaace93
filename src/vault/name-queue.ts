/** Changes to one name wait for each other, so that two of them never plan from the same row. */
export class NameQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` alone on all `names`. Each call queues on all of them at once, so two calls cannot deadlock. */
  async run<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const earlier = names.map(name => this.#tails.get(name)).filter(tail => tail !== undefined);
    const turn = earlier.length === 0 ? work() : Promise.allSettled(earlier).then(work);
    for (const name of names) this.#tails.set(name, turn);
    try {
      return await turn;
    } finally {
      for (const name of names) if (this.#tails.get(name) === turn) this.#tails.delete(name);
    }
  }
}
