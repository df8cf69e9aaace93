/** Milliseconds that what waits is held up at most, so that more can come. */
const longest = 1;

/**
 * Puts work off that costs about the same for many as for a few, as an fsync does. One alone is worked off at the end of its
 * turn of the event loop; several are, after the first turn that brings no more.
 */
export class Gathering {
  readonly #waiting: () => number;
  readonly #work: () => void;
  readonly #now: () => number;
  #scheduled = false;

  /**
   * @param waiting how many there are to work off
   * @param now milliseconds
   */
  constructor(waiting: () => number, work: () => void, now = () => performance.now()) {
    this.#waiting = waiting;
    this.#work = work;
    this.#now = now;
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#afterTurn(1, this.#now() + longest);
  }

  #afterTurn(known: number, latest: number): void {
    setImmediate(() => {
      const waiting = this.#waiting();
      if (waiting > known && this.#now() < latest) {
        this.#afterTurn(waiting, latest);
        return;
      }
      this.#scheduled = false;
      this.#work();
    });
  }
}
