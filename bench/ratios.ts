import type { Sample } from './load.ts';
import { type Rounds, record } from './rounds.ts';
import { median, paired } from './statistics.ts';

/** Two things that are measured, by name. */
export interface Ratio {
  readonly name: string;
  readonly of: string;
  readonly to: string;
}

/** What is left of two samples when one is divided by the other. */
export type RatioSample = Pick<Sample, 'requestsPerSecond' | 'serverMicroseconds'>;

/** The ratios of one round by the turns in it: the median of each turn against its neighbour, which had the same machine. */
export function recordRatios(
  ratios: readonly Ratio[],
  turns: Rounds<Sample>,
  recorded: Rounds<RatioSample>,
): void {
  for (const { name, of, to } of ratios) {
    const middle = (key: keyof RatioSample) => median(quotients(turns, of, to, key));
    record(recorded, name, {
      requestsPerSecond: middle('requestsPerSecond'),
      serverMicroseconds: middle('serverMicroseconds'),
    });
  }
}

/** The ratios of samples of which there is one for each round. */
export function ratiosOf(ratios: readonly Ratio[], samples: Rounds<Sample>): Rounds<RatioSample> {
  return new Map(
    ratios.map(({ name, of, to }) => {
      const times = quotients(samples, of, to, 'serverMicroseconds');
      const rates = quotients(samples, of, to, 'requestsPerSecond');
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
