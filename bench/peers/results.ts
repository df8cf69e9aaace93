import type { Sample } from '../load.ts';
import { paired } from '../statistics.ts';
import type { InstrumentationName } from './instrumentation.ts';
import type { Peer } from './peer.ts';

/** One round of one peer, of a process that was started for it. */
export interface PeerSample {
  readonly version: string;
  readonly reads: Sample;
  readonly writes: Sample;
}

/** The rounds of one peer with so many secrets beside the one that is read. */
export interface PeerResult {
  readonly peer: Peer;
  readonly secrets: number;
  readonly samples: readonly PeerSample[];
}

/** The rounds of a route whose metrics are kept one way. */
export interface InstrumentationResult {
  readonly name: InstrumentationName;
  readonly samples: readonly Sample[];
}

/** CPU microseconds of a request over those of one whose metrics nothing keeps, round by round. */
export function overheads(name: InstrumentationName, results: readonly InstrumentationResult[]): number[] {
  const costs = (wanted: InstrumentationName) =>
    results.find(result => result.name === wanted)?.samples.map(sample => sample.serverMicroseconds) ?? [];
  return paired(costs(name), costs('none'), (cost, none) => cost - none);
}
