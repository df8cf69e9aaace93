/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = Math.floor(sorted.length / 2);
  return ((sorted[upper] ?? Number.NaN) + (sorted[sorted.length - 1 - upper] ?? Number.NaN)) / 2;
}

/** How far apart the extremes are, as a share of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/** The least value that this share of all values does not exceed (nearest rank). */
export function percentile(values: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Value by value: each round is compared with its own neighbour, so that a drift of the machine cancels out. */
export function paired<T>(
  of: readonly number[],
  to: readonly number[],
  compare: (a: number, b: number) => T,
): T[] {
  return of.slice(0, to.length).map((value, round) => compare(value, to[round] ?? Number.NaN));
}
