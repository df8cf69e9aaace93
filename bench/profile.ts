/**
 * `npm run bench:profile`: where the CPU time of a read goes, beside that of a bare Fastify route, in microseconds for each
 * request; in half a minute. Prints a table.
 */
import { stdout } from 'node:process';
import { startFresh } from './comparisons.ts';
import { load } from './load.ts';
import { describeMachine } from './machine.ts';
import { temporaryFolder } from './owned.ts';
import { parts, sharesOf } from './parts.ts';
import type { Variant } from './processes.ts';
import { table } from './report.ts';

const seconds = 5;

async function profiled(variant: Variant, path: string, folder: string): Promise<Map<string, number>> {
  const server = await startFresh(variant, folder, '');
  try {
    const { serverMicroseconds } = await load(server, path, seconds);
    const profile = await server.profile(async () => void (await load(server, path, seconds)));
    return new Map([...sharesOf(profile)].map(([part, share]) => [part, share * serverMicroseconds]));
  } finally {
    await server.stop();
  }
}

const folder = temporaryFolder();
stdout.write(`${describeMachine(folder)}\n\n`);
const bare = await profiled('bare', '/', folder);
const read = await profiled('on', '/secret/test', folder);
const figure = (times: Map<string, number>, part: string) => (times.get(part) ?? 0).toFixed(1);
const sum = (times: Map<string, number>) => [...times.values()].reduce((a, b) => a + b, 0).toFixed(1);
stdout.write(
  table(
    ['µs of CPU for each request', 'bare route', '`GET /secret`'],
    [...parts.map(part => [part, figure(bare, part), figure(read, part)]), ['all', sum(bare), sum(read)]],
  ),
);
