/**
 * The parts of the name space that the policy hands out: the literal beginnings of the patterns by which it lets clients
 * create secrets. A name belongs to the longest that it begins with, so that clients with names of their own share none.
 */
export class Namespaces {
  readonly #beginnings: ReadonlySet<string>;
  /** Descending. */
  readonly #lengths: readonly number[];

  constructor(beginnings: Iterable<string>) {
    this.#beginnings = new Set(beginnings);
    const lengths = new Set([...this.#beginnings].map(beginning => beginning.length));
    this.#lengths = [...lengths].sort((a, b) => b - a);
  }

  /** Empty for a name that only patterns without a literal beginning are about. */
  of(name: string): string {
    for (const length of this.#lengths) {
      const beginning = name.slice(0, length);
      if (this.#beginnings.has(beginning)) return beginning;
    }
    return '';
  }
}
