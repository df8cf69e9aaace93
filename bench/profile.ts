/**
 * `npm run bench:profile`: where the CPU time of a request goes, beside that of a bare Fastify route, in microseconds for each
 * request; in over a minute. Prints a table.
 */
import { stdout } from 'node:process';
import { startFresh } from './comparisons.ts';
import { connections, type LoadRequest, type Sample, startLoad } from './load.ts';
import { describeMachine } from './machine.ts';
import { temporaryFolder } from './owned.ts';
import { parts, timesOf } from './parts.ts';
import type { Variant, VariantServer } from './processes.ts';
import { table } from './report.ts';

const seconds = 5;
const otherThreads = 'other threads: the writer of the vault, fsync';
const rows = [...parts, otherThreads];

interface Profiled {
  readonly name: string;
  readonly variant: Variant;
  readonly request: LoadRequest;
  readonly connections: number;
}

const columns: readonly Profiled[] = [
  { name: 'bare route', variant: 'bare', request: { method: 'GET', path: '/' }, connections },
  { name: '`/healthz`', variant: 'on', request: { method: 'GET', path: '/healthz' }, connections },
  { name: '`GET /secret`', variant: 'on', request: { method: 'GET', path: '/secret/test' }, connections },
  { name: 'by token', variant: 'token', request: { method: 'GET', path: '/secret/test' }, connections },
  {
    name: 'create',
    variant: 'on',
    request: { method: 'POST', path: '/secret', body: '{"name":"new/[<id>]","value":"val"}' },
    connections,
  },
  { name: '`/metrics`', variant: 'on', request: { method: 'GET', path: '/metrics' }, connections: 1 },
];

/** Microseconds of CPU for one request, by part. */
async function profiled(column: Profiled, folder: string): Promise<Map<string, number>> {
  const server = await startFresh(column.variant, folder, '');
  try {
    return await profileUnderLoad(server, column);
  } finally {
    await server.stop();
  }
}

async function profileUnderLoad(server: VariantServer, column: Profiled): Promise<Map<string, number>> {
  const source = await startLoad(server, [column.request], column.connections);
  try {
    const { result: sample, profile } = await server.profile(() => source.measure(seconds));
    return perRequest(timesOf(profile), sample);
  } finally {
    source.end();
  }
}

/** The process used what its main thread did, and the rest. */
function perRequest(mainThread: Map<string, number>, sample: Sample): Map<string, number> {
  const times = new Map([...mainThread].map(([part, time]) => [part, time / sample.requests]));
  return times.set(otherThreads, Math.max(0, sample.serverMicroseconds - sum(times)));
}

function sum(times: Map<string, number>): number {
  return [...times.values()].reduce((a, b) => a + b, 0);
}

const folder = temporaryFolder();
stdout.write(`${describeMachine(folder)}\n\n`);
const profiles: Map<string, number>[] = [];
for (const column of columns) profiles.push(await profiled(column, folder));
stdout.write(
  table(
    ['µs of CPU for each request', ...columns.map(({ name }) => name)],
    [
      ...rows.map(part => [part, ...profiles.map(times => (times.get(part) ?? 0).toFixed(1))]),
      ['all', ...profiles.map(times => sum(times).toFixed(1))],
    ],
  ),
);
