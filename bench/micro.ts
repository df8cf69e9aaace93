/**
 * `npm run bench:micro`: what the parts of a request cost, each alone, in nanoseconds; under half a minute. For finding
 * where a figure of `npm run bench` went.
 */
import { stdout } from 'node:process';
import { do_not_optimize, measure } from 'mitata';
import { type MicroCase, microCases } from './micro-cases.ts';
import { table } from './report.ts';
import { inTurn, type Rounds, record } from './rounds.ts';
import { median, spread } from './statistics.ts';

const rounds = 5;
/** Nanoseconds for each case in each round. */
const time = 100e6;

async function nanoseconds({ run }: MicroCase): Promise<number> {
  const timed = () => {
    const result = run();
    do_not_optimize(result);
    // A promise is waited for.
    return result;
  };
  return (await measure(timed, { min_cpu_time: time })).p50;
}

const cases = await microCases();
const samples: Rounds<number> = new Map(cases.map(({ name }) => [name, []]));
for (let round = 1; round <= rounds; round++) {
  for (const one of inTurn(cases, round)) record(samples, one.name, await nanoseconds(one));
}
stdout.write(
  table(
    ['Part', 'ns/op', 'spread'],
    [...samples].map(([name, figures]) => [
      name,
      median(figures).toFixed(1),
      `${(spread(figures) * 100).toFixed(0)} %`,
    ]),
  ),
);
