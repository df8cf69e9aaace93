/** The name of the secret that `bench/seed.ts` puts at this place, from 0. */
export function secretName(index: number): string {
  return `bench/${String(index).padStart(7, '0')}`;
}

/** Places spread evenly over so many secrets, in an order that is the same each time and jumps about. */
export function scattered(count: number, of: number): number[] {
  // 0.618… of a full turn: no two of the places of one turn fall together.
  const golden = (Math.sqrt(5) - 1) / 2;
  return Array.from({ length: count }, (_, index) => Math.floor(((index * golden) % 1) * of));
}
