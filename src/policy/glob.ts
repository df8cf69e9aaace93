/** A compiled pattern: `*` stands for any characters, `/` included, and for none; all else for itself. */
export interface Glob {
  /** What every matching name begins with: the text before the first `*`. */
  readonly prefix: string;
  /** Whether the pattern is the prefix and one final `*`, so that the prefix alone decides. */
  readonly prefixOnly: boolean;
  matches(name: string): boolean;
}

/**
 * Compiles a pattern that has a `*`. Each piece of text between two stars is found once, as far left as it can be, and
 * never reconsidered: that suffices for globs, and no pattern can make a match slow.
 */
export function compileGlob(pattern: string): Glob {
  const pieces = pattern.split('*');
  const prefix = pieces[0] ?? '';
  const suffix = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1).filter(piece => piece !== '');
  if (suffix === '' && middle.length === 0) {
    return { prefix, prefixOnly: true, matches: name => name.startsWith(prefix) };
  }
  return {
    prefix,
    prefixOnly: false,
    matches: name =>
      name.length >= prefix.length + suffix.length &&
      name.startsWith(prefix) &&
      name.endsWith(suffix) &&
      inOrder(name, middle, prefix.length, name.length - suffix.length),
  };
}

/** Whether the pieces occur in name[from, to) one after the other without overlap. */
function inOrder(name: string, pieces: readonly string[], from: number, to: number): boolean {
  let position = from;
  for (const piece of pieces) {
    const found = name.indexOf(piece, position);
    if (found === -1 || found + piece.length > to) return false;
    position = found + piece.length;
  }
  return true;
}
