import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { type BenchServer, onCore } from './processes.ts';

export const connections = 64;

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

/** What we read of autocannon's `--json` result. */
interface AutocannonResult {
  readonly requests: { readonly average: number; readonly total: number };
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly non2xx: number;
  readonly errors: number;
  readonly duration: number;
}

const autocannon = createRequire(import.meta.url).resolve('autocannon/autocannon.js');

/**
 * Loads one path for so many seconds from a process of its own.
 * @throws Error when any answer was not 2xx: such a figure means nothing
 */
export async function load(server: BenchServer, path: string, seconds: number): Promise<Sample> {
  const headers = Object.entries(server.headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]);
  const options = ['--json', '-c', String(connections), '-d', String(seconds), ...headers];
  const [command, args] = onCore(1, [process.execPath, autocannon, ...options, server.url + path]);
  const cpuBefore = server.cpuSeconds();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const cpu = server.cpuSeconds() - cpuBefore;
  const { requests, latency, non2xx, errors, duration } = JSON.parse(output) as AutocannonResult;
  if (non2xx + errors > 0) throw new Error(`${path}: ${non2xx} answers were not 2xx, ${errors} errors`);
  return {
    requestsPerSecond: requests.average,
    p50: latency.p50,
    p99: latency.p99,
    serverCores: cpu / duration,
    serverMicroseconds: (cpu / requests.total) * 1e6,
  };
}
