/** What comparing two samples found. */
export interface Comparison {
  /** Standard normal when both samples come from one distribution. */
  readonly z: number;
  /** How often a value of the first is below one of the second: 0.5 when they cannot be told apart. */
  readonly below: number;
}

/**
 * The Mann-Whitney U test by its normal approximation with a correction for ties (Lehmann, Nonparametrics, 1975). It
 * looks at ranks alone, so that a slow outlier counts no more than any other value, and asks nothing of the shape.
 */
export function mannWhitney(first: readonly number[], second: readonly number[]): Comparison {
  const all = [
    ...first.map(value => ({ value, isFirst: true })),
    ...second.map(value => ({ value, isFirst: false })),
  ].sort((a, b) => a.value - b.value);
  let ranks = 0;
  let ties = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end++;
    const tied = end - start;
    const rank = (start + 1 + end) / 2;
    ranks += rank * all.slice(start, end).filter(({ isFirst }) => isFirst).length;
    ties += tied ** 3 - tied;
    start = end;
  }
  const [n, m] = [first.length, second.length];
  const above = ranks - (n * (n + 1)) / 2;
  const variance = ((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1)));
  return { z: (above - (n * m) / 2) / Math.sqrt(variance), below: 1 - above / (n * m) };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
