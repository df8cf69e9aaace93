/**
 * `npm run bench:soak -- MINUTES`: whether the service's memory grows under a steady load of reads, changes, rotations, lists
 * and scrapes. Prints what is resident after each minute; an hour without an argument.
 */
import { argv, exit, stderr, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExecutableServer, startExecutable } from './executable.ts';
import { requestJson } from './json-request.ts';
import { describeMachine } from './machine.ts';
import { secretName } from './names.ts';
import { temporaryFolder } from './owned.ts';
import { median } from './statistics.ts';
import { seedVault } from './vaults.ts';

const secrets = 10_000;
const clients = 4;
/** Milliseconds of rest after each request: the load is steady, and far below the peak. */
const pause = 5;
/** The memory of the first minutes is that of code being compiled and of what is remembered being filled. */
const settledMinutes = 10;
/** Minutes that are compared: as many at the end as once it has settled. */
const window = 10;

type Ask = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** What a client does in turn, the name of a secret in its hands. */
const cycle: readonly ((ask: Ask, name: string) => Promise<unknown>)[] = [
  ...Array.from({ length: 16 }, () => (ask: Ask, name: string) => ask('GET', `/secret/${name}`)),
  (ask, name) => ask('PUT', `/secret/${name}`, { value: 'val' }),
  (ask, name) => ask('POST', '/rotate', { names: [name] }),
  (ask, name) => ask('PUT', `/secret/soak/${name}`, { value: 'val' }),
  ask => ask('GET', '/secrets?limit=10'),
];

async function client(server: ExecutableServer, number: number, isOver: () => boolean): Promise<number> {
  const ask: Ask = (method, path, body) => requestJson(method, server.url + path, server.headers, body);
  let sent = 0;
  for (; !isOver(); sent++) {
    const name = secretName((sent * clients + number) % secrets);
    await cycle[sent % cycle.length]?.(ask, name);
    await sleep(pause);
  }
  return sent;
}

/** Megabytes after each minute; a scrape a minute is part of the load. */
async function watch(server: ExecutableServer, minutes: number): Promise<number[]> {
  const resident: number[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    await sleep(60_000);
    await fetch(`${server.url}/metrics`).then(answer => answer.text());
    resident.push(server.residentMegabytes());
    stderr.write(`${minute} min  ${resident.at(-1)?.toFixed(1)} MB\n`);
  }
  return resident;
}

const minutes = Number(argv[2] ?? 60);
if (!(minutes >= settledMinutes + 2 * window)) {
  stderr.write(`usage: npm run bench:soak -- MINUTES, at least ${settledMinutes + 2 * window}\n`);
  exit(2);
}
const folder = temporaryFolder();
const machine = describeMachine(folder);
const server = await startExecutable(await seedVault(folder, secrets));
const idle = server.residentMegabytes();
let over = false;
const working = Array.from({ length: clients }, (_, number) => client(server, number, () => over));
const resident = await watch(server, minutes);
over = true;
const requests = (await Promise.all(working)).reduce((a, b) => a + b, 0);
await server.stop();
// Memory goes up and down with the collections of garbage: what grows shows in the middle values of ten minutes.
const [first = 0, last = 0] = [
  resident.slice(settledMinutes, settledMinutes + window),
  resident.slice(-window),
].map(median);
stdout.write(
  `${machine}\n\n${requests} requests in ${minutes} minutes. Resident: ${idle.toFixed(0)} MB at the start; the medians are ` +
    `${first.toFixed(1)} MB of minutes ${settledMinutes + 1} to ${settledMinutes + window}, and ${last.toFixed(1)} MB of the last ${window}.\n`,
);
