import type { Rounds } from '../rounds.ts';
import type { ForeignPeer } from './peer.ts';
import {
  callsTable,
  goalTable,
  guarantees,
  instrumentationGoal,
  instrumentationTable,
  programList,
  resultTable,
} from './report.ts';
import type { InstrumentationResult, PeerResult } from './results.ts';

export interface Measurements {
  readonly peers: readonly PeerResult[];
  readonly skipped: readonly ForeignPeer[];
  readonly instrumentations: readonly InstrumentationResult[];
  readonly calls: Rounds<number>;
}

/** docs/peers.md, whole. */
export function peersPage(
  { peers, skipped, instrumentations, calls }: Measurements,
  machine: string,
  seconds: number,
): string {
  return `# Beside its peers

Written by \`npm run bench:peers -- --write\`: one run of ${seconds.toFixed(0)} seconds on the machine below, on loopback. It measures the
peers whose programs it is told; none of them comes with this repository. The environment variable is to be the path of

${programList(skipped)}
${machine}.

## Reads and durable writes

A read is of one secret, again and again; a create is of a new name each time. Both have identity, policy and audit. 64 connections
send their next request when they have their answer. Every server is kept to one core, so its rate is a rate of one core, and is
started anew in every round with a vault of its own; the rounds go through them in turns. CPU is that of the whole process,
user and system.

${resultTable(peers)}
## What an answer stands for

As the source of each has it, in the configuration that is measured.

${guarantees(peers)}
OpenBao runs as it does in production: sealed, one raft node, a file audit device, a token whose policy has the two paths.

## Goals

The median of the rounds' own ratios; this service as it is shipped, but by token identity, as the peers have it.

${goalTable(peers)}
## What it costs to keep metrics

A bare Fastify route that counts what one read of a secret does. *All it has* is the fifteen, the histogram by route and the metrics
of the runtime; fastify-metrics has a histogram and a summary by route and the metrics of the process. What one
process makes of its code differs from the next by about what is looked for, so the calls that a read makes were timed alone, too.

${instrumentationTable(instrumentations)}
${callsTable(calls)}
${instrumentationGoal(instrumentations, calls)}
`;
}
