/**
 * A compiled pattern: `*` stands for any characters, `/` included, and for none; all else for itself. Each piece of
 * text between two stars is found once, as far left as it can be, and never reconsidered: that suffices for globs, and
 * no pattern can make a match slow.
 */
export class Glob {
  /** What every matching name begins with: the text before the first `*`. */
  readonly prefix: string;
  readonly #suffix: string;
  readonly #middle: readonly string[];
  readonly #shortest: number;

  /** The pattern has a `*`. */
  constructor(pattern: string) {
    const pieces = pattern.split('*');
    this.prefix = pieces[0] ?? '';
    this.#suffix = pieces.at(-1) ?? '';
    this.#middle = pieces.slice(1, -1).filter(piece => piece !== '');
    this.#shortest = this.prefix.length + this.#suffix.length;
  }

  /** Whether the pattern is the prefix and one final `*`, so that the prefix alone decides. */
  get prefixOnly(): boolean {
    return this.#suffix === '' && this.#middle.length === 0;
  }

  matches(name: string): boolean {
    return (
      name.length >= this.#shortest &&
      name.startsWith(this.prefix) &&
      name.endsWith(this.#suffix) &&
      this.#middleMatches(name)
    );
  }

  /** Whether the middle pieces occur between prefix and suffix, one after the other without overlap. */
  #middleMatches(name: string): boolean {
    const end = name.length - this.#suffix.length;
    let position = this.prefix.length;
    for (const piece of this.#middle) {
      const found = name.indexOf(piece, position);
      if (found === -1 || found + piece.length > end) return false;
      position = found + piece.length;
    }
    return true;
  }
}
