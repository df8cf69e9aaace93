import type { Sample } from '../load.ts';
import { table } from '../report.ts';
import type { Rounds } from '../rounds.ts';
import { median, spread } from '../statistics.ts';
import { costsLessAlone, costsLessPerRequest, goals, isMet, ratios } from './goals.ts';
import type { ForeignPeer } from './peer.ts';
import { foreignPeers } from './peers.ts';
import { type InstrumentationResult, overheads, type PeerResult } from './results.ts';

export function resultTable(results: readonly PeerResult[]): string {
  return table(
    ['', 'identity', 'secrets', 'reads/s', 'spread', 'CPU µs/read', 'creates/s', 'spread', 'CPU µs/create'],
    results.map(({ peer, secrets, samples }) => [
      `${peer.name} ${samples[0]?.version}`,
      peer.identity,
      (secrets + 1).toLocaleString('en'),
      ...loadCells(samples.map(sample => sample.reads)),
      ...loadCells(samples.map(sample => sample.writes)),
    ]),
  );
}

/** What an answer of each peer stands for; the same for all the ways in which it was measured. */
export function guarantees(results: readonly PeerResult[]): string {
  const byName = new Map(results.map(({ peer }) => [peer.name, peer.guarantees]));
  return [...byName]
    .map(
      ([name, { atRest, write, audit, auditIntegrity, policy }]) => `- **${name}**
  - At rest: ${atRest}.
  - When a create is answered, ${write}.
  - When a read is answered, ${audit}.
  - Against edits, the audit log has ${auditIntegrity}.
  - Policy: ${policy}.
`,
    )
    .join('');
}

export function goalTable(results: readonly PeerResult[]): string {
  return table(
    ['Goal', 'measured', 'rounds', ''],
    goals.map(goal => {
      const { peer, secrets, work, atLeast } = goal;
      const measured = ratios(goal, results);
      const met = isMet(goal, measured);
      const present = secrets === 0 ? 'one secret' : `${(secrets + 1).toLocaleString('en')} secrets`;
      const what = `≥ ${atLeast} × the ${work} of ${peer}, ${present}`;
      if (met === null) return [what, '', '', 'not measured'];
      return [what, median(measured).toFixed(2), range(measured, 2), verdict(met)];
    }),
  );
}

export function instrumentationTable(results: readonly InstrumentationResult[]): string {
  return table(
    ['Kept by', 'requests/s', 'CPU µs/request', 'over none', 'rounds'],
    results.map(({ name, samples }) => {
      const of = (key: keyof Sample) => median(samples.map(sample => sample[key]));
      const over = overheads(name, results);
      return [
        name,
        of('requestsPerSecond').toFixed(0),
        of('serverMicroseconds').toFixed(1),
        median(over).toFixed(1),
        range(over, 1),
      ];
    }),
  );
}

export function callsTable(calls: Rounds<number>): string {
  return table(
    ['The calls alone', 'ns/read', 'rounds'],
    [...calls].map(([name, figures]) => [name, median(figures).toFixed(0), range(figures, 0)]),
  );
}

/** What the goal about metrics came to, by both measures. */
export function instrumentationGoal(
  results: readonly InstrumentationResult[],
  calls: Rounds<number>,
): string {
  return (
    `Goal, less than prom-client for the same fifteen: by the request ${verdict(costsLessPerRequest(results))}, ` +
    `by the calls alone ${verdict(costsLessAlone(calls))}.`
  );
}

/** A line for each peer that does not come with the checkout: how to have it measured, and whether it was. */
export function programList(skipped: readonly ForeignPeer[]): string {
  return foreignPeers
    .map(peer => {
      const left = skipped.includes(peer) ? ' **Not set in this run, so not measured.**' : '';
      return `- ${peer.name}: \`${peer.variable}\`, ${peer.program}.${left}\n`;
    })
    .join('');
}

function loadCells(samples: readonly Sample[]): string[] {
  const rates = samples.map(sample => sample.requestsPerSecond);
  const cost = median(samples.map(sample => sample.serverMicroseconds));
  return [median(rates).toFixed(0), `${(spread(rates) * 100).toFixed(0)} %`, cost.toFixed(0)];
}

function range(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
}

function verdict(met: boolean): string {
  return met ? 'met' : '**not met**';
}
