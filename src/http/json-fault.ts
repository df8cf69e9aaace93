/** Where a text stops being JSON; both count from 1, the column in UTF-16 code units. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** Whether the text merely ends too early. */
  readonly isEnd: boolean;
}

/** What may come next (RFC 8259). */
type State = 'value' | 'first element' | 'key' | 'first key' | 'colon' | 'comma' | 'end';

/** White space, and then a bracket, colon or comma, a string, or a number or word. */
const token =
  /[\t\n\r ]*(?:([{}[\]:,])|("(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*")|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/uy;
const space = /[\t\n\r ]*/y;

/**
 * Finds where a text is no JSON; null where it is. The parser's own message would quote the text, which may be a secret.
 * Without recursion: a text may be nested as deep as it is long.
 */
export function findJsonFault(text: string): JsonFault | null {
  const open: string[] = [];
  let state: State = 'value';
  let at = 0;
  for (;;) {
    token.lastIndex = at;
    const found = token.exec(text);
    const symbol = found?.[1] ?? (found?.[2] === undefined ? '0' : '"');
    const next: State | null = found === null ? null : stateAfter(state, symbol, open);
    if (next === null) break;
    state = next;
    at = token.lastIndex;
  }
  space.lastIndex = at;
  space.test(text);
  at = space.lastIndex;
  if (at === text.length && state === 'end') return null;
  const lines = text.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, isEnd: at === text.length };
}

/**
 * @param next a bracket, colon or comma; `"` for a string, `0` for a number or word
 * @param open the brackets that must still be closed, as they are closed
 * @returns null where the grammar does not allow it
 */
function stateAfter(state: State, next: string, open: string[]): State | null {
  switch (state) {
    case 'value':
    case 'first element':
      if (next === '{' || next === '[') {
        open.push(next === '{' ? '}' : ']');
        return next === '{' ? 'first key' : 'first element';
      }
      if (next === '"' || next === '0') return afterValue(open);
      return state === 'first element' && next === ']' ? afterBracket(open) : null;
    case 'key':
    case 'first key':
      if (next === '"') return 'colon';
      return state === 'first key' && next === '}' ? afterBracket(open) : null;
    case 'colon':
      return next === ':' ? 'value' : null;
    case 'comma':
      if (next === ',') return open.at(-1) === '}' ? 'key' : 'value';
      return next === open.at(-1) ? afterBracket(open) : null;
    case 'end':
      return null;
  }
}

function afterBracket(open: string[]): State {
  open.pop();
  return afterValue(open);
}

function afterValue(open: readonly string[]): State {
  return open.length === 0 ? 'end' : 'comma';
}
