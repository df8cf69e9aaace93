const intervalMilliseconds = 250;

/** Runs attempts to recover: one at a time, and no more than four a second. */
export class Recovery {
  #running: Promise<void> | null = null;
  #lastStart = Number.NEGATIVE_INFINITY;

  /** Starts an attempt, joins the running one, or does nothing when the last one is too recent. `attempt` must not reject. */
  run(attempt: () => Promise<void>): Promise<void> {
    if (this.#running !== null) return this.#running;
    if (performance.now() - this.#lastStart < intervalMilliseconds) return Promise.resolve();
    this.#lastStart = performance.now();
    this.#running = attempt().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Resolves when no attempt runs. */
  async settled(): Promise<void> {
    await this.#running;
  }
}
