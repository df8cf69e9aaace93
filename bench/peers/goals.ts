import type { Rounds } from '../rounds.ts';
import { median, paired } from '../statistics.ts';
import { oursAlone, promClientAlone } from './calls.ts';
import type { InstrumentationName } from './instrumentation.ts';
import { byToken } from './jarvis.ts';
import { openBao } from './openbao.ts';
import { type InstrumentationResult, overheads, type PeerResult } from './results.ts';
import { rustAncestor } from './rust-ancestor.ts';
import { manySecrets } from './sizes.ts';

/** What is asked of this service beside a peer: so many times its requests a second, each on one core. */
export interface Goal {
  readonly peer: string;
  readonly secrets: number;
  readonly work: 'reads' | 'writes';
  readonly atLeast: number;
}

export const goals: readonly Goal[] = [
  { peer: openBao.name, secrets: 0, work: 'reads', atLeast: 2 },
  { peer: openBao.name, secrets: 0, work: 'writes', atLeast: 5 },
  { peer: rustAncestor.name, secrets: manySecrets, work: 'reads', atLeast: 1 },
  { peer: rustAncestor.name, secrets: manySecrets, work: 'writes', atLeast: 10 },
];

/**
 * Our requests a second over the peer's, round by round: a drift of the machine is in both. By token identity, as the
 * peers have it. Empty where the peer was not measured.
 */
export function ratios({ peer, secrets, work }: Goal, results: readonly PeerResult[]): number[] {
  const rates = (name: string) =>
    results
      .filter(result => result.peer.name === name && result.peer.identity === 'token')
      .filter(result => result.secrets === secrets)
      .flatMap(result => result.samples.map(sample => sample[work].requestsPerSecond));
  return paired(rates(byToken.name), rates(peer), (ours, theirs) => ours / theirs);
}

/** Null where nothing was measured. */
export function isMet({ atLeast }: Goal, measured: readonly number[]): boolean | null {
  return measured.length === 0 ? null : median(measured) >= atLeast;
}

/** Whether a read costs less CPU time with our metrics than with the same ones kept by prom-client. */
export function costsLessPerRequest(results: readonly InstrumentationResult[]): boolean {
  const overhead = (name: InstrumentationName) => median(overheads(name, results));
  return overhead('this service, the fifteen') < overhead('prom-client, the same fifteen');
}

/** Whether the calls alone do. */
export function costsLessAlone(calls: Rounds<number>): boolean {
  const cost = (name: string) => median(calls.get(name) ?? []);
  return cost(oursAlone) < cost(promClientAlone);
}
