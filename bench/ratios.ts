import { type Sample, together } from './load.ts';
import { type Rounds, record } from './rounds.ts';
import { paired } from './statistics.ts';

/** Two things that are measured, by name. */
export interface Ratio {
  readonly name: string;
  readonly of: string;
  readonly to: string;
}

/** What is left of two samples when one is divided by the other. */
export type RatioSample = Pick<Sample, 'requestsPerSecond' | 'serverMicroseconds'>;

/** What is compared, and what comes of it. */
export interface Compared {
  /** One for each round. */
  readonly samples: Rounds<Sample>;
  /** One for each turn. */
  readonly ratios: Rounds<RatioSample>;
}

/** Adds the turns of one round. */
export function recordTurns(
  turns: Rounds<Sample>,
  ratios: readonly Ratio[],
  { samples, ratios: recorded }: Compared,
): void {
  for (const [name, each] of turns) record(samples, name, together(each));
  for (const [name, each] of ratiosOf(ratios, turns)) for (const ratio of each) record(recorded, name, ratio);
}

/** Sample by sample: each against its neighbour of the same turn or round, which had the same machine. */
export function ratiosOf(ratios: readonly Ratio[], samples: Rounds<Sample>): Rounds<RatioSample> {
  return new Map(
    ratios.map(({ name, of, to }) => {
      const rates = quotients(samples, of, to, 'requestsPerSecond');
      const times = quotients(samples, of, to, 'serverMicroseconds');
      const both = paired(rates, times, (requestsPerSecond, serverMicroseconds) => ({
        requestsPerSecond,
        serverMicroseconds,
      }));
      return [name, both];
    }),
  );
}

function quotients(samples: Rounds<Sample>, of: string, to: string, key: keyof RatioSample): number[] {
  const values = (name: string) => (samples.get(name) ?? []).map(sample => sample[key]);
  return paired(values(of), values(to), (a, b) => a / b);
}
