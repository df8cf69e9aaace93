import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadJob, LoadRequest, LoadResult } from './load-process.ts';
import { startOwned } from './owned.ts';
import { type BenchServer, onCore } from './processes.ts';
import { inTurn, type Rounds, record } from './rounds.ts';
import { median } from './statistics.ts';

export type { LoadRequest } from './load-process.ts';

export const connections = 64;
/** After so long most code is compiled: a read takes a third of the time that it took in the first second. */
const usualWarmSeconds = 4;

const lookMilliseconds = 100;
/** At most five seconds of looking. */
const mostLooks = 50;
/** Cores: less than this is idle. A clock tick is a tenth of a core for as long as a look. */
const idleCores = 0.15;

export interface Sample {
  /** How many were answered. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** CPU cores the server used: near 1 when the server was the limit. */
  readonly serverCores: number;
  /** CPU microseconds of the server for one request. */
  readonly serverMicroseconds: number;
}

/** A process of its own that sends requests to a server: idle until it is told to measure, and as often as that. */
export interface LoadSource {
  /** @throws Error when any answer was not 2xx: such a figure means nothing */
  measure(seconds: number): Promise<Sample>;
  end(): void;
}

/**
 * Starts what loads a server with requests, which the connections share out among themselves.
 * @returns when it has warmed the server up
 */
export async function startLoad(
  server: BenchServer,
  requests: readonly LoadRequest[],
  connectionCount = connections,
  warmSeconds = usualWarmSeconds,
): Promise<LoadSource> {
  const { url, headers } = server;
  const body = requests.some(request => request.body !== undefined);
  const job: LoadJob = {
    url,
    headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
    requests,
    connections: connectionCount,
  };
  const child = startOnLoadCore('load-process.ts');
  child.send(job);
  const run = async (seconds: number) => {
    child.send(seconds);
    return (await answerOf(child)) as LoadResult;
  };
  if (warmSeconds > 0) await run(warmSeconds);
  return {
    async measure(seconds) {
      await untilIdle(server);
      const before = server.cpuSeconds();
      const result = await run(seconds);
      return sampleOf(result, server.cpuSeconds() - before, requests);
    },
    end: () => {
      if (child.connected) child.disconnect();
    },
  };
}

/**
 * Loads a server for so many seconds, after warming it up.
 * @throws Error when any answer was not 2xx
 */
export async function load(
  server: BenchServer,
  requests: readonly LoadRequest[],
  connectionCount: number,
  seconds: number,
  warmSeconds = usualWarmSeconds,
): Promise<Sample> {
  const source = await startLoad(server, requests, connectionCount, warmSeconds);
  try {
    return await source.measure(seconds);
  } finally {
    source.end();
  }
}

/**
 * Short, because what else the machine does changes within seconds, and is to fall on all alike. The load stops and the server
 * comes to rest in between, so shorter would say less.
 */
const secondsOfTurn = 0.4;

/** Starts a source of load by name. */
export type NamedStart = readonly [name: string, start: () => Promise<LoadSource>];

/** Starts sources one after another, measures each in so many turns, and ends them. */
export async function measureInTurns(starts: readonly NamedStart[], turns: number): Promise<Rounds<Sample>> {
  const sources = new Map<string, LoadSource>();
  try {
    for (const [name, start] of starts) sources.set(name, await start());
    return await takeTurns([...sources], turns);
  } finally {
    for (const source of sources.values()) source.end();
  }
}

/**
 * Each in so many turns, A B B A, with a sample for each turn; one before them is not counted, for a server that has rested since its
 * warm-up is slower.
 */
export async function takeTurns(
  sources: readonly (readonly [name: string, source: LoadSource])[],
  turns: number,
): Promise<Rounds<Sample>> {
  const samples: Rounds<Sample> = new Map();
  for (let turn = 0; turn <= turns; turn++) {
    for (const [name, source] of inTurn(sources, turn)) {
      const sample = await source.measure(secondsOfTurn);
      if (turn > 0) record(samples, name, sample);
    }
  }
  return samples;
}

/** Several samples of one thing as one: their medians, which a pause of the machine in one of them does not move. */
export function together(samples: readonly Sample[]): Sample {
  const middle = (of: keyof Sample) => median(samples.map(sample => sample[of]));
  return {
    requests: samples.reduce((total, { requests }) => total + requests, 0),
    requestsPerSecond: middle('requestsPerSecond'),
    p50: middle('p50'),
    p99: middle('p99'),
    serverCores: middle('serverCores'),
    serverMicroseconds: middle('serverMicroseconds'),
  };
}

function sampleOf(
  { requests, seconds, p50, p99, non2xx, errors }: LoadResult,
  cpu: number,
  [first]: readonly LoadRequest[],
): Sample {
  if (non2xx + errors > 0) {
    throw new Error(`${first?.method} ${first?.path}: ${non2xx} answers were not 2xx, ${errors} errors`);
  }
  return {
    requests,
    requestsPerSecond: requests / seconds,
    p50,
    p99,
    serverCores: cpu / seconds,
    serverMicroseconds: (cpu / requests) * 1e6,
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
  const answered = new AbortController();
  const { signal } = answered;
  try {
    const [answer] = await Promise.race([
      once(child, 'message', { signal }) as Promise<[unknown]>,
      once(child, 'close', { signal }).then(() => {
        throw new Error('the load process ended before it was done');
      }),
    ]);
    return answer;
  } finally {
    // Whichever came, nobody listens for the other any more.
    answered.abort();
  }
}
