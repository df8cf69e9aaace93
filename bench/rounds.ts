import { performance } from 'node:perf_hooks';

/** What was measured of one thing, a sample for each round. */
export type Rounds<T> = Map<string, T[]>;

/**
 * Calls `round` with 1, 2, … while another one fits into so many seconds, but `least` times in any case: a fast machine
 * makes more rounds, and a slow one takes no longer.
 * @param now milliseconds
 * @returns how many there were
 */
export async function roundsWithin(
  seconds: number,
  round: (number: number) => Promise<void>,
  least = 1,
  now: () => number = () => performance.now(),
): Promise<number> {
  const start = now();
  for (let number = 1; ; number++) {
    await round(number);
    const spent = (now() - start) / 1000;
    if (number >= least && spent + spent / number > seconds) return number;
  }
}

export function record<T>(rounds: Rounds<T>, name: string, sample: T): void {
  const samples = rounds.get(name) ?? [];
  samples.push(sample);
  rounds.set(name, samples);
}

/** The order of one round: A B in the odd ones, B A in the even ones. */
export function inTurn<T>(items: readonly T[], round: number): readonly T[] {
  return round % 2 === 1 ? items : items.toReversed();
}
