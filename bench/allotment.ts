/** Deals the time of a run out to its parts: what one of them leaves or overdraws falls on all that come after it. */
export class Allotment<Part extends string> {
  readonly #limit: number;
  readonly #usual: Readonly<Record<Part, number>>;
  readonly #elapsed: () => number;

  /**
   * All in seconds.
   * @param limit of the whole run
   * @param usual what each part takes on a usual machine, in the order in which they come
   * @param elapsed since the run began
   */
  constructor(limit: number, usual: Readonly<Record<Part, number>>, elapsed: () => number) {
    this.#limit = limit;
    this.#usual = usual;
    this.#elapsed = elapsed;
  }

  /** Seconds for a part that begins now: of what is left, as large a share as it has of what is still to come. */
  secondsFor(part: Part): number {
    const names = Object.keys(this.#usual) as Part[];
    const toCome = names.slice(names.indexOf(part)).reduce((sum, name) => sum + this.#usual[name], 0);
    return Math.max(0, this.#limit - this.#elapsed()) * (this.#usual[part] / toCome);
  }
}
