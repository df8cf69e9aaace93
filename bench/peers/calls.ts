import { measure } from 'mitata';
import { ourRecorder, type ReadRecorder, telemetry } from '../read-recorder.ts';
import { inTurn, type Rounds, record } from '../rounds.ts';
import { promClientRecorder } from './prom-client-recorder.ts';

const rounds = 5;
/** Nanoseconds for each recorder in each round. */
const time = 300e6;
/** Durations that fall into different buckets, in seconds. */
const durations = [0.0004, 0.002, 0.007, 0.02];

export const oursAlone = 'this service';
export const promClientAlone = 'prom-client';

/** Nanoseconds that the calls of one read take alone, without a server around them. */
export async function measureCalls(): Promise<Rounds<number>> {
  const { metrics, shutdown } = await telemetry();
  const recorders = [
    [oursAlone, ourRecorder(metrics)],
    [promClientAlone, promClientRecorder()],
  ] as const;
  const samples: Rounds<number> = new Map(recorders.map(([name]) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [name, recorder] of inTurn(recorders, round)) {
      record(samples, name, await nanoseconds(recorder));
    }
  }
  await shutdown();
  return samples;
}

async function nanoseconds({ received, read, succeeded }: ReadRecorder): Promise<number> {
  let index = 0;
  const calls = () => {
    received();
    read();
    succeeded(durations[index++ % durations.length] ?? 0);
  };
  return (await measure(calls, { min_cpu_time: time })).p50;
}
