import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { healthOff, healthOn } from './cases.ts';
import { startFresh } from './comparisons.ts';
import { connections, load } from './load.ts';
import { loadPaced, type PacedSample } from './paced.ts';
import type { BenchServer } from './processes.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';

export const getAtMostOfPeak = '`GET /secret` at 80 % of its peak';

const secondsEach = 1.5;
const secondsOfPeak = 0.8;
/** Until no more code is compiled. */
const warmSeconds = 2;
const leastRounds = 2;
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
  await roundsWithin(seconds, leastRounds, async round => {
    progress(`latencies, round ${round}`);
    const parent = join(folder, `latencies-${round}`);
    const [on, off] = await Promise.all([
      startFresh('on', parent, noCollector),
      startFresh('off', parent, noCollector),
    ]);
    try {
      // Both have had the same before they are compared.
      const peaks = [await peakOf(off, '/healthz'), await peakOf(on, '/healthz')];
      const half = Math.min(...peaks) * 0.5;
      const health = async (name: string, server: BenchServer) =>
        record(samples, name, await loadPaced(server, '/healthz', half, secondsEach));
      const turns = [() => health(healthOn, on), () => health(healthOff, off)];
      for (const turn of inTurn(turns, round)) await turn();
      const rate = (await peakOf(on, '/secret/test')) * 0.8;
      record(samples, getAtMostOfPeak, await loadPaced(on, '/secret/test', rate, secondsEach));
    } finally {
      await Promise.all([on.stop(), off.stop()]);
      rmSync(parent, { recursive: true, force: true });
    }
  });
  return samples;
}

/** Requests a second that the closed loop reaches. */
async function peakOf(server: BenchServer, path: string): Promise<number> {
  const request = { method: 'GET', path } as const;
  return (await load(server, [request], connections, secondsOfPeak, warmSeconds)).requestsPerSecond;
}
