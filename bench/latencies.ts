import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { healthOff, healthOn } from './cases.ts';
import { startFresh } from './comparisons.ts';
import { connections, load } from './load.ts';
import { loadPaced, type PacedSample } from './paced.ts';
import type { BenchServer } from './processes.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';

export const getAtMostOfPeak = '`GET /secret` at 80 % of its peak';

/** Little code answers it. */
const warmSecondsOfHealth = 2;
/** So short that a pause of the machine is in few of them, and not in their median. */
const turnsOfHealth = 5;
const secondsOfHealth = 0.25;
const warmSecondsOfTurn = 0.3;
/** Long, for one pause of the machine or one collection of the whole heap is more than a hundredth of less. */
const secondsOfReads = 3;
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
      const half = Math.min(...peaks) * 0.5;
      const servers = [[healthOn, on] as const, [healthOff, off] as const];
      for (let turn = 0; turn < turnsOfHealth; turn++) {
        for (const [name, server] of inTurn(servers, round + turn)) {
          record(
            samples,
            name,
            await loadPaced(server, '/healthz', half, secondsOfHealth, warmSecondsOfTurn),
          );
        }
      }
      const rate = (await peakOf(on, '/secret/test')) * 0.8;
      const reads = await loadPaced(on, '/secret/test', rate, secondsOfReads, warmSecondsOfReads);
      record(samples, getAtMostOfPeak, reads);
    } finally {
      await Promise.all([on.stop(), off.stop()]);
      rmSync(parent, { recursive: true, force: true });
    }
  });
  return samples;
}

/** Requests a second that the closed loop reaches. */
async function peakOf(server: BenchServer, path: string, warmSeconds?: number): Promise<number> {
  const request = { method: 'GET', path } as const;
  return (await load(server, [request], connections, secondsOfPeak, warmSeconds)).requestsPerSecond;
}
