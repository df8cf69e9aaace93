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
