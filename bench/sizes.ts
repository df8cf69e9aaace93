import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExecutableServer, startExecutable } from './executable.ts';
import { type LoadRequest, load, measureInTurns, type NamedStart, startLoad } from './load.ts';
import { scattered, secretName } from './names.ts';
import { type Compared, ratiosOf, recordTurns } from './ratios.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';
import { seedVault, settleDisk } from './vaults.ts';

const thousand = 1000;
const hundredThousand = 100_000;
export const million = 1_000_000;
const sizes = [thousand, hundredThousand, million] as const;

const getOfThousand = '`GET /secret`, any of 1,000';
const getOfMillion = '`GET /secret`, any of 1,000,000';
const hotOfMillion = '`GET /secret`, the same 1,000 of 1,000,000';
const listOfHundredThousand = 'list of 100 from 100,000';
export const scrapeOfMillion = '`/metrics`, one scraper, 1,000,000 secrets';

export function startsRow(size: number): string {
  return `${size.toLocaleString('en')} secrets`;
}

export const hotToThousand = '`GET /secret`: the same 1,000 of 1,000,000 : all over 1,000';
const getOfAll = '`GET /secret`: all over 1,000,000 : all over 1,000';

const idleSeconds = 2;
const turnsOfCompared = 4;
const secondsOfOthers = 0.8;
const warmSecondsOfOthers = 1;
/** More than the service remembers rows of, and few enough that the load's process holds a request for each. */
const namesRead = 50_000;

export interface ColdStart {
  /** From the spawn of the executable to its ready line. */
  readonly milliseconds: number;
  /** Resident after two idle seconds. */
  readonly megabytes: number;
}

/** The folder of a service for each size of its vault. */
export type SizedVaults = ReadonlyMap<number, string>;

/** Takes most of a minute. */
export async function makeVaults(folder: string, progress: (text: string) => void): Promise<SizedVaults> {
  progress(`making vaults of ${sizes.join(', ')} secrets`);
  const made = sizes.map(async size => [size, await seedVault(join(folder, 'sizes'), size)] as const);
  const folders = new Map(await Promise.all(made));
  settleDisk();
  return folders;
}

/** Starts and memory with a thousand, a hundred thousand and a million secrets. */
export async function measureStarts(
  folders: SizedVaults,
  seconds: number,
  progress: (text: string) => void,
): Promise<Rounds<ColdStart>> {
  const starts: Rounds<ColdStart> = new Map();
  await roundsWithin(seconds, async round => {
    progress(`starts, round ${round}`);
    await withServers(folders, inTurn(sizes, round), servers => measureIdle(servers, starts));
  });
  return starts;
}

/** Reads, lists and scrapes with as many. */
export async function measureReadsBySize(
  folders: SizedVaults,
  seconds: number,
  progress: (text: string) => void,
): Promise<Compared> {
  const compared: Compared = { samples: new Map(), ratios: new Map() };
  await roundsWithin(seconds, async round => {
    progress(`reads by size, round ${round}`);
    await withServers(folders, sizes, servers => readAll(servers, round, compared));
  });
  const { samples, ratios } = compared;
  const all = ratiosOf([{ name: getOfAll, of: getOfMillion, to: getOfThousand }], samples);
  return { samples, ratios: new Map([...ratios, ...all]) };
}

/** The service on each of the vaults, started one after another, while `work` runs. */
async function withServers(
  folders: SizedVaults,
  order: readonly number[],
  work: (servers: ReadonlyMap<number, ExecutableServer>) => Promise<void>,
): Promise<void> {
  const servers = new Map<number, ExecutableServer>();
  try {
    for (const size of order) servers.set(size, await startExecutable(folders.get(size) ?? ''));
    await work(servers);
  } finally {
    for (const server of servers.values()) await server.stop();
  }
}

async function measureIdle(
  servers: ReadonlyMap<number, ExecutableServer>,
  starts: Rounds<ColdStart>,
): Promise<void> {
  await sleep(idleSeconds * 1000);
  for (const [size, server] of servers) {
    record(starts, startsRow(size), {
      milliseconds: server.startMilliseconds,
      megabytes: server.residentMegabytes(),
    });
  }
}

interface Reading {
  readonly name: string;
  readonly size: number;
  readonly requests: readonly LoadRequest[];
  readonly connections: number;
}

const comparedReadings: readonly Reading[] = [
  { name: getOfThousand, size: thousand, requests: reads(thousand, thousand), connections: 64 },
  { name: hotOfMillion, size: million, requests: reads(thousand, million), connections: 64 },
];

/** Measured after those, one by one: the first has the service forget their rows. */
const others: readonly Reading[] = [
  { name: getOfMillion, size: million, requests: reads(namesRead, million), connections: 64 },
  { name: listOfHundredThousand, size: hundredThousand, requests: lists(), connections: 64 },
  {
    name: scrapeOfMillion,
    size: million,
    requests: [{ method: 'GET', path: '/metrics' }],
    connections: 1,
  },
];

async function readAll(
  servers: ReadonlyMap<number, ExecutableServer>,
  round: number,
  results: Compared,
): Promise<void> {
  for (const server of servers.values()) server.pin();
  const of = (size: number) => {
    const server = servers.get(size);
    if (server === undefined) throw new Error(`no server with ${size} secrets was started`);
    return server;
  };
  const starts = inTurn(comparedReadings, round).map(
    ({ name, size, requests, connections }): NamedStart => [
      name,
      () => startLoad(of(size), requests, connections),
    ],
  );
  const ratio = { name: hotToThousand, of: hotOfMillion, to: getOfThousand };
  recordTurns(await measureInTurns(starts, turnsOfCompared), [ratio], results);
  for (const { name, size, requests, connections } of inTurn(others, round)) {
    const sample = await load(of(size), requests, connections, secondsOfOthers, warmSecondsOfOthers);
    record(results.samples, name, sample);
  }
}

function reads(count: number, of: number): LoadRequest[] {
  return scattered(count, of).map(index => ({ method: 'GET', path: `/secret/${secretName(index)}` }));
}

/** Pages all over the vault: each prefix has a hundred names. */
function lists(): LoadRequest[] {
  return scattered(500, hundredThousand / 100).map(hundred => ({
    method: 'GET',
    path: `/secrets?prefix=${secretName(hundred * 100).slice(0, -2)}&limit=100`,
  }));
}
