import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { adminByToken } from './admin-token.ts';
import type { Case, Suite } from './cases.ts';
import { startCollector } from './collector.ts';
import { requestJson } from './json-request.ts';
import {
  connections,
  type LoadRequest,
  measureInTurns,
  type NamedStart,
  type Sample,
  startLoad,
} from './load.ts';
import { type BenchServer, install, startServer, type Variant, type VariantServer } from './processes.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';

const turnsEach = 4;
/** Until no more code is compiled: there is little of it on the bare route, and a tenth is still missing at 5 s with tokens or traces. */
const warmSecondsOf: Partial<Record<Variant, number>> = { bare: 2, on: 4, off: 4 };
const warmSecondsOfOthers = 7;
/** For a server that was warmed up with other requests. */
const furtherWarmSeconds = 2.5;
/** For requests that are all traced. */
const tracedSeconds = 1;
/** One request in a hundred would take minutes to have the code of traces compiled: all are traced at first. */
const tracedInPart: ReadonlySet<Variant> = new Set<Variant>(['traced-0.01', 'instrumented-0.01']);
const leastRounds = 2;

/**
 * Measures the cases of a suite in rounds, each with fresh processes: what one process of a program happens to make of
 * its code and heap differs from the next by more than what is to be measured.
 */
export async function compare(
  { cases }: Suite,
  folder: string,
  seconds: number,
  progress: (text: string) => void,
): Promise<Rounds<Sample>> {
  const collector = await startCollector();
  const samples: Rounds<Sample> = new Map();
  try {
    await roundsWithin(seconds, leastRounds, async round => {
      progress(`comparisons, round ${round}`);
      const order = inTurn(cases, round);
      await withServers(order, join(folder, `round-${round}`), collector.url, async servers => {
        for (const [name, sample] of await measureCases(order, servers)) record(samples, name, sample);
      });
    });
  } finally {
    collector.stop();
  }
  return samples;
}

/** With requests of traces that their caller has sampled. */
function sampled(server: BenchServer): BenchServer {
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  return { ...server, headers: { ...server.headers, traceparent } };
}

async function measureCases(
  cases: readonly Case[],
  servers: ReadonlyMap<Variant, BenchServer>,
): Promise<Map<string, Sample>> {
  const warm = new Set<Variant>();
  const starts = cases.flatMap(({ name, variant, path }): NamedStart[] => {
    const server = servers.get(variant);
    if (server === undefined) return [];
    const firstSeconds = warmSecondsOf[variant] ?? warmSecondsOfOthers;
    const warmSeconds = warm.has(variant) ? furtherWarmSeconds : firstSeconds;
    warm.add(variant);
    const requests: readonly LoadRequest[] = [{ method: 'GET', path }];
    const start = async () => {
      if (tracedInPart.has(variant))
        (await startLoad(sampled(server), requests, connections, tracedSeconds)).end();
      return await startLoad(server, requests, connections, warmSeconds);
    };
    return [[name, start]];
  });
  return await measureInTurns(starts, turnsEach);
}

/** One fresh server for each variant among the cases, while `work` runs. */
async function withServers(
  cases: readonly Case[],
  folder: string,
  collector: string,
  work: (servers: ReadonlyMap<Variant, BenchServer>) => Promise<void>,
): Promise<void> {
  const variants = [...new Set(cases.map(({ variant }) => variant))];
  const starts = await Promise.allSettled(
    variants.map(async variant => [variant, await startFresh(variant, folder, collector)] as const),
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
