import { answerOf, connections, startOnLoadCore } from './load.ts';
import type { PacedJob, PacedSample } from './paced-process.ts';
import type { BenchServer } from './processes.ts';

export type { PacedSample } from './paced-process.ts';

const usualWarmSeconds = 1;

/** Sends GETs of one path at a fixed rate; times count from when a request was due. */
export async function loadPaced(
  server: BenchServer,
  path: string,
  requestsPerSecond: number,
  seconds: number,
  warmSeconds = usualWarmSeconds,
): Promise<PacedSample> {
  const { url, headers } = server;
  const child = startOnLoadCore('paced-process.ts');
  const job: PacedJob = { url, headers, path, connections, requestsPerSecond, warmSeconds, seconds };
  child.send(job);
  return (await answerOf(child)) as PacedSample;
}
