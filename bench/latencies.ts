import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { healthOff, healthOn } from './cases.ts';
import { startFresh } from './comparisons.ts';
import { loadPaced, type PacedSample } from './paced.ts';
import type { BenchServer } from './processes.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';

export const getAtMostOfPeak = '`GET /secret` at 80 % of its peak';

const secondsEach = 1.5;
const leastRounds = 2;
const noCollector = '';

/** Requests a second that the closed loop reached: what the fixed rates are shares of. */
export interface Peaks {
  readonly health: number;
  readonly get: number;
}

/** What the metrics add to the time of a request at half of the peak, and how long a read takes at 80 % of its peak. */
export async function measureLatencies(
  peaks: Peaks,
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
    const health = async (name: string, server: BenchServer) =>
      record(samples, name, await loadPaced(server, '/healthz', peaks.health * 0.5, secondsEach));
    try {
      const turns = [() => health(healthOn, on), () => health(healthOff, off)];
      for (const turn of inTurn(turns, round)) await turn();
      record(samples, getAtMostOfPeak, await loadPaced(on, '/secret/test', peaks.get * 0.8, secondsEach));
    } finally {
      await Promise.all([on.stop(), off.stop()]);
      rmSync(parent, { recursive: true, force: true });
    }
  });
  return samples;
}
