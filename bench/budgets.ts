import { getToBare, healthOff, healthOn, healthOnToOff, tokenToHeader, tracedToNot } from './cases.ts';
import { getAtMostOfPeak } from './latencies.ts';
import type { Sample } from './load.ts';
import type { PacedSample } from './paced.ts';
import type { RatioSample } from './ratios.ts';
import type { Rounds } from './rounds.ts';
import { type ColdStart, hotToThousand, million, scrapeOfMillion, startsRow } from './sizes.ts';
import { median, paired } from './statistics.ts';
import { writesRow } from './writes.ts';

/** All that one run measured. */
export interface Measurements {
  readonly samples: Rounds<Sample>;
  readonly ratios: Rounds<RatioSample>;
  readonly paced: Rounds<PacedSample>;
  readonly starts: Rounds<ColdStart>;
}

export interface Budget {
  readonly what: string;
  readonly limit: 'at least' | 'at most';
  readonly value: number;
  readonly unit: '' | 'ms' | 'MB' | '/s';
  readonly digits: number;
  /** One figure for each round. */
  readonly figures: (measured: Measurements) => readonly number[];
}

/** What the service promises of its speed: a figure each, met or not. */
export const budgets: readonly Budget[] = [
  {
    what: '`/healthz` with the metrics on against off, requests a second',
    ...atLeast(0.9),
    figures: ({ ratios }) => ratesOf(ratios, healthOnToOff),
  },
  {
    what: 'what the metrics add to `/healthz` at half of its peak, p50',
    ...atMost(0.05, 'ms', 3),
    figures: addedTime('p50'),
  },
  { what: 'the same, p99', ...atMost(1, 'ms', 3), figures: addedTime('p99') },
  {
    what: '`GET /secret` (identity, policy, decryption, durable audit, metrics) against a bare Fastify route',
    ...atLeast(0.5),
    figures: ({ ratios }) => ratesOf(ratios, getToBare),
  },
  {
    what: '`GET /secret` by token against by header',
    ...atLeast(0.95),
    figures: ({ ratios }) => ratesOf(ratios, tokenToHeader),
  },
  {
    what: '`GET /secret` with traces of 1 % of requests against none',
    ...atLeast(0.8),
    figures: ({ ratios }) => ratesOf(ratios, tracedToNot),
  },
  {
    what: '`GET /secret` at 80 % of its peak, p99',
    ...atMost(15, 'ms', 2),
    figures: ({ paced }) => (paced.get(getAtMostOfPeak) ?? []).map(({ p99 }) => p99),
  },
  {
    what: 'durable creates, 64 clients',
    ...atLeast(5000, '/s', 0),
    figures: ({ samples }) => ratesOf(samples, writesRow('creates', 64)),
  },
  {
    what: 'time of `GET /secret` of the same 1,000 names with 1,000,000 secrets against with those alone',
    ...atMost(1.2),
    // In requests a second, whose inverse is the ratio of times.
    figures: ({ ratios }) => ratesOf(ratios, hotToThousand).map(rates => 1 / rates),
  },
  {
    what: 'start to ready with 1,000,000 secrets',
    ...atMost(1000, 'ms', 0),
    figures: ({ starts }) => startsOf(starts, 'milliseconds'),
  },
  {
    what: 'resident memory when idle, 1,000,000 secrets',
    ...atMost(140, 'MB', 0),
    figures: ({ starts }) => startsOf(starts, 'megabytes'),
  },
  {
    what: 'one scrape of `/metrics`, 1,000,000 secrets, p50',
    ...atMost(2, 'ms', 2),
    figures: ({ samples }) => (samples.get(scrapeOfMillion) ?? []).map(({ p50 }) => p50),
  },
];

/** Whether the median of the rounds keeps to the budget; what was not measured does not. */
export function isMet({ limit, value }: Budget, figures: readonly number[]): boolean {
  return limit === 'at least' ? median(figures) >= value : median(figures) <= value;
}

type Limit = Pick<Budget, 'limit' | 'value' | 'unit' | 'digits'>;

function atLeast(value: number, unit: Budget['unit'] = '', digits = 2): Limit {
  return { limit: 'at least', value, unit, digits };
}

function atMost(value: number, unit: Budget['unit'] = '', digits = 2): Limit {
  return { limit: 'at most', value, unit, digits };
}

/** Requests a second, or a ratio of them. */
function ratesOf(rounds: Rounds<RatioSample>, name: string): number[] {
  return (rounds.get(name) ?? []).map(({ requestsPerSecond }) => requestsPerSecond);
}

function addedTime(key: 'p50' | 'p99'): Budget['figures'] {
  return ({ paced }) => {
    const times = (name: string) => (paced.get(name) ?? []).map(sample => sample[key]);
    return paired(times(healthOn), times(healthOff), (on, off) => on - off);
  };
}

function startsOf(starts: Rounds<ColdStart>, key: keyof ColdStart): number[] {
  return (starts.get(startsRow(million)) ?? []).map(start => start[key]);
}
