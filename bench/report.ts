import { type Budget, budgets, isMet, type Measurements } from './budgets.ts';
import type { Sample } from './load.ts';
import type { PacedSample } from './paced.ts';
import type { RatioSample } from './ratios.ts';
import type { Rounds } from './rounds.ts';
import type { ColdStart } from './sizes.ts';
import { median, percentile, spread } from './statistics.ts';

/** Budgets beside what was measured, as a Markdown table. */
export function budgetTable(measured: Measurements): string {
  return table(
    ['Budget', 'limit', 'measured', 'middle half', ''],
    budgets.map(budget => {
      const figures = budget.figures(measured);
      return [
        budget.what,
        `${budget.limit === 'at least' ? '≥' : '≤'} ${withUnit(budget, budget.value.toLocaleString('en'))}`,
        withUnit(budget, fixed(median(figures), budget.digits)),
        middleHalf(figures, budget.digits),
        isMet(budget, figures) ? 'met' : '**not met**',
      ];
    }),
  );
}

/** What the closed loop measured. */
export function loadTable(samples: Rounds<Sample>): string {
  return table(
    ['Case', 'requests/s', 'spread', 'p50 ms', 'p99 ms', 'server cores', 'server µs/request'],
    [...samples].map(([name, rounds]) => {
      const of = (key: keyof Sample) => rounds.map(sample => sample[key]);
      const rates = of('requestsPerSecond');
      return [
        name,
        median(rates).toFixed(0),
        percent(spread(rates)),
        median(of('p50')).toFixed(2),
        median(of('p99')).toFixed(2),
        median(of('serverCores')).toFixed(2),
        median(of('serverMicroseconds')).toFixed(1),
      ];
    }),
  );
}

/** What was divided in each turn or round, and the median of that over all of them. */
export function ratioTable(ratios: Rounds<RatioSample>): string {
  return table(
    ['Ratio', 'requests/s', 'middle half', 'server CPU per request'],
    [...ratios].map(([name, rounds]) => {
      const perRound = (key: keyof RatioSample) => rounds.map(sample => sample[key]);
      const rates = perRound('requestsPerSecond');
      return [
        name,
        median(rates).toFixed(2),
        middleHalf(rates, 2),
        median(perRound('serverMicroseconds')).toFixed(2),
      ];
    }),
  );
}

/** What the open loop measured. */
export function pacedTable(paced: Rounds<PacedSample>): string {
  return table(
    ['At a fixed rate', 'requests/s', 'p50 ms', 'p99 ms', 'p99.9 ms'],
    [...paced].map(([name, rounds]) => {
      const of = (key: keyof PacedSample) => median(rounds.map(sample => sample[key]));
      return [
        name,
        of('requestsPerSecond').toFixed(0),
        of('p50').toFixed(3),
        of('p99').toFixed(3),
        of('p999').toFixed(3),
      ];
    }),
  );
}

export function startTable(starts: Rounds<ColdStart>): string {
  return table(
    ['The executable with', 'start to ready, ms', 'spread', 'resident after 2 s idle, MB', 'spread'],
    [...starts].map(([name, rounds]) => {
      const times = rounds.map(({ milliseconds }) => milliseconds);
      const sizes = rounds.map(({ megabytes }) => megabytes);
      return [
        name,
        median(times).toFixed(0),
        percent(spread(times)),
        median(sizes).toFixed(0),
        percent(spread(sizes)),
      ];
    }),
  );
}

/** Rows of a Markdown table; every column but the first is of numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return `${line(head)}|---|${'---:|'.repeat(head.length - 1)}\n${rows.map(line).join('')}`;
}

function withUnit({ unit }: Budget, number: string): string {
  return unit === '' || unit === '/s' ? number + unit : `${number} ${unit}`;
}

function fixed(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** What half of the values lie between; of two or three, all. */
function middleHalf(values: readonly number[], digits: number): string {
  return `${fixed(percentile(values, 0.25), digits)} to ${fixed(percentile(values, 0.75), digits)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
