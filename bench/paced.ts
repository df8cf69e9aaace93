import { answerOf, connections, startOnLoadCore } from './load.ts';
import type { PacedJob, PacedRun, PacedSample } from './paced-process.ts';
import type { BenchServer } from './processes.ts';

export type { PacedSample } from './paced-process.ts';

/** A process of its own that sends requests at a fixed rate: its code is compiled once, not anew for each measurement. */
export interface PacedSource {
  /** Seconds; what falls due in those of the warm-up is not counted. */
  measure(run: PacedRun): Promise<PacedSample>;
  end(): void;
}

/** GETs of one path at a fixed rate; their times count from when a request was due. */
export function startPaced(server: BenchServer, path: string, requestsPerSecond: number): PacedSource {
  const { url, headers } = server;
  const child = startOnLoadCore('paced-process.ts');
  child.send({ url, headers, path, connections, requestsPerSecond } satisfies PacedJob);
  return {
    async measure(run) {
      child.send(run);
      return (await answerOf(child)) as PacedSample;
    },
    end: () => {
      if (child.connected) child.disconnect();
    },
  };
}
