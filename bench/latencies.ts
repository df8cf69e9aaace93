import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { healthOff, healthOn } from './cases.ts';
import { startFresh } from './comparisons.ts';
import { connections, load } from './load.ts';
import { type PacedSample, startPaced } from './paced.ts';
import type { BenchServer } from './processes.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';

export const getAtMostOfPeak = '`GET /secret` at 80 % of its peak';

/** Little code answers it. */
const warmSecondsOfHealth = 2;
/**
 * So short that a pause of the machine is in few of them, and not in their median; and so long that one of three milliseconds,
 * as another thread on the core makes, is less than a hundredth of it.
 */
const turnsOfHealth = 5;
const secondsOfHealth = 0.5;
/** Until the load's own code is compiled: what is late meanwhile would be late for seconds. */
const warmSecondsOfPace = 1;
const warmSecondsOfTurn = 0.1;
/**
 * Long, for one pause of the machine or one collection of the whole heap is more than a hundredth of less; and several, for
 * it is in some of them.
 */
const secondsOfReads = 3;
const turnsOfReads = 2;
/** Other code is compiled for requests that come alone than for those that come together. */
const warmSecondsOfReads = 2;
const secondsOfPeak = 0.8;
const noCollector = '';

/**
 * What the metrics add to the time of a request at half of the peak, and how long a read takes at 80 % of its peak. The peaks
 * are measured in the same round: a machine that has others on it has another one in the next minute.
 */
export async function measureLatencies(
  folder: string,
  seconds: number,
  progress: (text: string) => void,
): Promise<Rounds<PacedSample>> {
  const samples: Rounds<PacedSample> = new Map();
  await roundsWithin(seconds, async round => {
    progress(`latencies, round ${round}`);
    const parent = join(folder, `latencies-${round}`);
    const [on, off] = await Promise.all([
      startFresh('on', parent, noCollector),
      startFresh('off', parent, noCollector),
    ]);
    try {
      // Both have had the same before they are compared.
      const peaks = [
        await peakOf(off, '/healthz', warmSecondsOfHealth),
        await peakOf(on, '/healthz', warmSecondsOfHealth),
      ];
      await measureHealth([on, off], Math.min(...peaks) * 0.5, round, samples);
      await measureReads(on, (await peakOf(on, '/secret/test')) * 0.8, samples);
    } finally {
      await Promise.all([on.stop(), off.stop()]);
      rmSync(parent, { recursive: true, force: true });
    }
  });
  return samples;
}

async function measureHealth(
  [on, off]: readonly [BenchServer, BenchServer],
  rate: number,
  round: number,
  samples: Rounds<PacedSample>,
): Promise<void> {
  const sources = [
    [healthOn, startPaced(on, '/healthz', rate)] as const,
    [healthOff, startPaced(off, '/healthz', rate)] as const,
  ];
  try {
    for (const [, source] of sources) await source.measure({ warmSeconds: 0, seconds: warmSecondsOfPace });
    for (let turn = 0; turn < turnsOfHealth; turn++) {
      for (const [name, source] of inTurn(sources, round + turn)) {
        const each = { warmSeconds: warmSecondsOfTurn, seconds: secondsOfHealth };
        record(samples, name, await source.measure(each));
      }
    }
  } finally {
    for (const [, source] of sources) source.end();
  }
}

async function measureReads(server: BenchServer, rate: number, samples: Rounds<PacedSample>): Promise<void> {
  const source = startPaced(server, '/secret/test', rate);
  try {
    for (let turn = 0; turn < turnsOfReads; turn++) {
      const warmSeconds = turn === 0 ? warmSecondsOfReads : warmSecondsOfTurn;
      record(samples, getAtMostOfPeak, await source.measure({ warmSeconds, seconds: secondsOfReads }));
    }
  } finally {
    source.end();
  }
}

/** Requests a second that the closed loop reaches. */
async function peakOf(server: BenchServer, path: string, warmSeconds?: number): Promise<number> {
  const request = { method: 'GET', path } as const;
  return (await load(server, [request], connections, secondsOfPeak, warmSeconds)).requestsPerSecond;
}
