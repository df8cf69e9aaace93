/** A half-open range of names in code-point order, `from` inclusive, `to` exclusive; null is unbounded. */
export interface Range {
  readonly from: string;
  readonly to: string | null;
}

/** The smallest character a name may have, so that `name + '-'` is the next possible name. */
const smallestCharacter = '-';

export function rangeOfName(name: string): Range {
  return { from: name, to: name + smallestCharacter };
}

/** Every name that begins with the prefix. Its characters are ASCII, so the last one has a successor. */
export function rangeOfPrefix(prefix: string): Range {
  if (prefix === '') return { from: '', to: null };
  const last = prefix.length - 1;
  return { from: prefix, to: prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1) };
}

/** The same names as disjoint ascending ranges. */
export function union(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of [...ranges].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const last = result.at(-1);
    if (last !== undefined && (last.to === null || range.from <= last.to)) {
      result[result.length - 1] = { from: last.from, to: laterEnd(last.to, range.to) };
    } else {
      result.push(range);
    }
  }
  return result;
}

/** The names of `ranges` without those of `removed`; both disjoint and ascending, as is the result. */
export function subtract(ranges: readonly Range[], removed: readonly Range[]): Range[] {
  const result: Range[] = [];
  const holes = removed.values();
  let hole = holes.next().value;
  for (const range of ranges) {
    let from: string | null = range.from;
    while (from !== null && hole !== undefined && startsBefore(hole.from, range.to)) {
      if (from < hole.from) result.push({ from, to: hole.from });
      from = hole.to === null ? null : later(from, hole.to);
      // A hole that reaches past this range may bite the next one, too.
      if (hole.to === null || !startsBefore(hole.to, range.to)) break;
      hole = holes.next().value;
    }
    if (from !== null && startsBefore(from, range.to)) result.push({ from, to: range.to });
  }
  return result;
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}

function startsBefore(from: string, end: string | null): boolean {
  return end === null || from < end;
}

function laterEnd(a: string | null, b: string | null): string | null {
  return a === null || b === null ? null : later(a, b);
}
