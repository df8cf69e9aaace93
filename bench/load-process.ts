/**
 * The closed-loop load of `load.ts`, in a process of its own: autocannon keeps each connection busy with one request
 * after another. Takes a `LoadJob` over IPC, and then numbers of seconds, each of which it answers with a `LoadResult`.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { percentile } from './statistics.ts';

export interface LoadRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** `[<id>]` in it or in the body stands for a text that no two requests share. */
  readonly path: string;
  readonly body?: string;
}

export interface LoadJob {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Dealt out to the connections, each of which goes round its own. */
  readonly requests: readonly LoadRequest[];
  readonly connections: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly non2xx: number;
  readonly errors: number;
}

/** What we use of autocannon, which has no types of its own. */
type Autocannon = (
  options: object,
  done: (error: Error | null, result: AutocannonResult) => void,
) => Instance;

interface Instance {
  on(
    event: 'response',
    listener: (client: unknown, status: number, bytes: number, time: number) => void,
  ): void;
}

interface AutocannonResult {
  readonly non2xx: number;
  readonly errors: number;
}

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon;
/** Milliseconds; a run ends at the end of a sample. */
const sampleInterval = 100;

/** What each connection sends, in turn. Where requests are fewer than connections, several have the same one. */
function deal({ requests, connections }: LoadJob): LoadRequest[][] {
  return Array.from({ length: connections }, (_, connection) =>
    requests.filter((_request, index) => index % connections === connection % requests.length),
  );
}

async function run(job: LoadJob, hands: readonly LoadRequest[][], duration: number): Promise<LoadResult> {
  const times: number[] = [];
  const finished = Promise.withResolvers<AutocannonResult>();
  let client = 0;
  let begun = performance.now();
  const options = {
    url: job.url,
    connections: job.connections,
    duration,
    sampleInt: sampleInterval,
    headers: job.headers,
    idReplacement: job.requests.some(({ path, body = '' }) => `${path}${body}`.includes('[<id>]')),
    setupClient: (connection: { setRequests(requests: readonly LoadRequest[]): void }) => {
      // It writes into what it is given, and builds all that a connection sends before the next connects: with many requests
      // that takes longer than any answer, and nothing is sent meanwhile.
      connection.setRequests((hands[client++] ?? []).map(request => ({ ...request })));
      begun = performance.now();
    },
  };
  const instance = autocannon(options, (error, result) =>
    error === null ? finished.resolve(result) : finished.reject(error),
  );
  instance.on('response', (_client, _status, _bytes, time) => {
    times.push(Math.min(time, performance.now() - begun));
  });
  const { non2xx, errors } = await finished.promise;
  return {
    requests: times.length,
    seconds: (performance.now() - begun) / 1000,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    non2xx,
    errors,
  };
}

const [job] = (await once(process, 'message')) as [LoadJob];
const hands = deal(job);
process.on('message', async (seconds: number) => {
  process.send?.(await run(job, hands, seconds));
});
