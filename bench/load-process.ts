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
  readonly requests: { readonly total: number };
  readonly non2xx: number;
  readonly errors: number;
  readonly duration: number;
}

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon;
/** Milliseconds; a run ends at the end of a sample. */
const sampleInterval = 100;

async function run(job: LoadJob, duration: number): Promise<LoadResult> {
  const times: number[] = [];
  const finished = Promise.withResolvers<AutocannonResult>();
  let client = 0;
  const options = {
    url: job.url,
    connections: job.connections,
    duration,
    sampleInt: sampleInterval,
    headers: job.headers,
    idReplacement: job.requests.some(({ path, body = '' }) => `${path}${body}`.includes('[<id>]')),
    setupClient: (connection: { setRequests(requests: readonly LoadRequest[]): void }) => {
      const turn = client++ % job.connections;
      connection.setRequests(
        job.requests
          .filter((_, index) => index % job.connections === turn % job.requests.length)
          .map(request => ({ ...request })),
      );
    },
  };
  const instance = autocannon(options, (error, result) =>
    error === null ? finished.resolve(result) : finished.reject(error),
  );
  instance.on('response', (_client, _status, _bytes, time) => void times.push(time));
  const { requests, duration: seconds, non2xx, errors } = await finished.promise;
  return {
    requests: requests.total,
    seconds,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    non2xx,
    errors,
  };
}

const [job] = (await once(process, 'message')) as [LoadJob];
process.on('message', async (seconds: number) => {
  process.send?.(await run(job, seconds));
});
