import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadJob, LoadRequest, LoadResult } from './load-process.ts';
import { startOwned } from './owned.ts';
import { type BenchServer, onCore } from './processes.ts';

export type { LoadRequest } from './load-process.ts';

export const connections = 64;
/** Until the code that requests run through has been compiled. */
const usualWarmSeconds = 0.8;

const lookMilliseconds = 100;
/** At most five seconds of looking. */
const mostLooks = 50;
/** Cores: less than this is idle. A clock tick is a tenth of a core for as long as a look. */
const idleCores = 0.15;

export interface Sample {
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU cores the server used: near 1 when the server was the limit. */
  readonly serverCores: number;
  /** CPU microseconds of the server for one request. */
  readonly serverMicroseconds: number;
}

/**
 * Loads one path for so many seconds from a process of its own, after warming it up.
 * @throws Error when any answer was not 2xx: such a figure means nothing
 */
export async function load(server: BenchServer, path: string, seconds: number): Promise<Sample> {
  return await loadWith(server, [{ method: 'GET', path }], connections, seconds);
}

/**
 * The same with requests of any kind, which the connections share out among themselves.
 * @throws Error when any answer was not 2xx
 */
export async function loadWith(
  server: BenchServer,
  requests: readonly LoadRequest[],
  connectionCount: number,
  seconds: number,
  warmSeconds = usualWarmSeconds,
): Promise<Sample> {
  const { url, headers } = server;
  const body = requests.some(request => request.body !== undefined);
  const job: LoadJob = {
    url,
    headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
    requests,
    connections: connectionCount,
    warmSeconds,
    seconds,
  };
  const child = startOnLoadCore('load-process.ts');
  child.send(job);
  await answerOf(child);
  await untilIdle(server);
  const cpuBefore = server.cpuSeconds();
  child.send('go');
  const result = (await answerOf(child)) as LoadResult;
  const cpu = server.cpuSeconds() - cpuBefore;
  if (result.non2xx + result.errors > 0) {
    const [first] = requests;
    throw new Error(
      `${first?.method} ${first?.path}: ${result.non2xx} answers were not 2xx, ${result.errors} errors`,
    );
  }
  return {
    requestsPerSecond: result.requestsPerSecond,
    p50: result.p50,
    p99: result.p99,
    serverCores: cpu / result.seconds,
    serverMicroseconds: (cpu / result.requests) * 1e6,
  };
}

/** What the warm-up left unanswered is not to be in the figures: a slow server works on it for seconds. */
async function untilIdle(server: BenchServer): Promise<void> {
  for (let look = 0; look < mostLooks; look++) {
    const before = server.cpuSeconds();
    await sleep(lookMilliseconds);
    if (server.cpuSeconds() - before < idleCores * (lookMilliseconds / 1000)) return;
  }
}

/** A file of this folder as a process that speaks over IPC, on the core that servers keep clear of. */
export function startOnLoadCore(file: string): ChildProcess {
  const [command, args] = onCore(1, [process.execPath, join(import.meta.dirname, file)]);
  return startOwned(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** The next message of a process. @throws Error when it ends without one */
export async function answerOf(child: ChildProcess): Promise<unknown> {
  const [answer] = await Promise.race([
    once(child, 'message') as Promise<[unknown]>,
    once(child, 'close').then(() => {
      throw new Error('the load process ended before it was done');
    }),
  ]);
  return answer;
}
