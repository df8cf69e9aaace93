import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { adminByToken } from './admin-token.ts';
import type { Case, Comparison } from './cases.ts';
import { startCollector } from './collector.ts';
import { requestJson } from './json-request.ts';
import { connections, type LoadRequest, type LoadSource, startLoad, takeTurns } from './load.ts';
import { type BenchServer, install, startServer, type Variant, type VariantServer } from './processes.ts';
import { type Compared, recordTurns } from './ratios.ts';
import { inTurn, roundsWithin } from './rounds.ts';

/** For requests that are all traced. */
const tracedSeconds = 1;
/** One request in a hundred would take minutes to have the code of traces compiled: all are traced at first. */
const tracedInPart: ReadonlySet<Variant> = new Set<Variant>(['traced-0.01', 'instrumented-0.01']);
/** One pair of processes says little. */
const leastRounds = 2;

/**
 * Compares in rounds, each with fresh processes: what one process of a program happens to make of its code and heap
 * differs from the next.
 */
export async function compare(
  comparisons: readonly Comparison[],
  folder: string,
  seconds: number,
  progress: (text: string) => void,
): Promise<Compared> {
  const collector = await startCollector();
  const compared: Compared = { samples: new Map(), ratios: new Map() };
  try {
    const cases = new Map(comparisons.flatMap(({ of, to }) => [of, to].map(each => [each.name, each])));
    const measureRound = async (round: number) => {
      progress(`comparisons, round ${round}`);
      await withServers([...cases.values()], join(folder, `round-${round}`), collector.url, servers =>
        measureInOrder(inTurn(comparisons, round), round, servers, compared),
      );
    };
    await roundsWithin(seconds, measureRound, leastRounds);
  } finally {
    collector.stop();
  }
  return compared;
}

/** Each case has its source from the first comparison that it is in. */
async function measureInOrder(
  comparisons: readonly Comparison[],
  round: number,
  servers: ReadonlyMap<string, BenchServer>,
  compared: Compared,
): Promise<void> {
  const sources = new Map<string, LoadSource>();
  try {
    for (const { name, of, to, turns } of comparisons) {
      const own: (readonly [name: string, source: LoadSource])[] = [];
      for (const each of inTurn([of, to], round)) {
        const source = sources.get(each.name) ?? (await startCase(each, servers));
        sources.set(each.name, source);
        own.push([each.name, source]);
      }
      recordTurns(await takeTurns(own, turns), [{ name, of: of.name, to: to.name }], compared);
    }
  } finally {
    for (const source of sources.values()) source.end();
  }
}

async function startCase(
  { name, variant, path, warmSeconds }: Case,
  servers: ReadonlyMap<string, BenchServer>,
): Promise<LoadSource> {
  const server = servers.get(name);
  if (server === undefined) throw new Error(`no server was started for ${name}`);
  const requests: readonly LoadRequest[] = [{ method: 'GET', path }];
  if (tracedInPart.has(variant))
    (await startLoad(sampled(server), requests, connections, tracedSeconds)).end();
  return await startLoad(server, requests, connections, warmSeconds);
}

/** With requests of traces that their caller has sampled. */
function sampled(server: BenchServer): BenchServer {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  return { ...server, headers: { ...server.headers, traceparent } };
}

/** A fresh server for each case, by its name, while `work` runs. */
async function withServers(
  cases: readonly Case[],
  folder: string,
  collector: string,
  work: (servers: ReadonlyMap<string, BenchServer>) => Promise<void>,
): Promise<void> {
  const starts = await Promise.allSettled(
    cases.map(async ({ name, variant }) => [name, await startFresh(variant, folder, collector)] as const),
  );
  const servers = new Map(starts.flatMap(start => (start.status === 'fulfilled' ? [start.value] : [])));
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    await work(servers);
  } finally {
    for (const server of servers.values()) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A server with a vault of its own, in which stands one secret. */
export async function startFresh(
  variant: Variant,
  parent: string,
  collector: string,
): Promise<VariantServer> {
  const folder = install(parent);
  const started = await startServer(variant, folder, collector);
  if (variant === 'bare') return started;
  const server =
    variant === 'token' ? { ...started, headers: await adminByToken(started.url, folder) } : started;
  await createSecret(server);
  return server;
}

/** The one that the cases read: `test`. @throws Error when it is refused */
export async function createSecret({ url, headers }: BenchServer): Promise<void> {
  await requestJson('POST', `${url}/secret`, headers, { name: 'test', value: 'val' });
}
