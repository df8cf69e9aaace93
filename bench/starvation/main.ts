/**
 * `npm run bench:starvation -- SECONDS SECRETS`: what each attack of a client with rights to its own names costs another
 * client, with the rates of a network. Each attack takes turns with rest, SECONDS a turn; SECRETS of 64 KiB are there to list.
 * Prints a table; ends with 1 where a target is missed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import process, { argv, exit, stderr, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExecutableServer, startExecutable } from '../executable.ts';
import { requestJson } from '../json-request.ts';
import { describeMachine } from '../machine.ts';
import { startOwned, temporaryFolder } from '../owned.ts';
import { install, kill } from '../processes.ts';
import { percentile } from '../statistics.ts';
import { attacks } from './attacks.ts';

const attackProcess = join(import.meta.dirname, 'attack-process.ts');
const turns = 3;
/** Milliseconds between the reads of the victim: 50 a second. */
const pace = 20;
const mostRatio = 3;
const mostMegabytes = 512;
/** The rates that apply on a network unless set. */
const networkRates = 'client_rate = 100\naddress_rate = 500\nfailed_authentications = 30\n';
const policy = `clients:
  admin: { allow: ["*"] }
  web: { allow: ["web/*"] }
  db: { allow: ["db/*"] }
`;

interface Victim {
  /** Milliseconds of each read. */
  readonly latencies: number[];
  refused: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function read(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`${url}/secret/db/a`, { agent, headers: { 'x-jarvis-client': 'db' } }, answer => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}

/** Reads at a pace for so long; the time of a read counts from when it was due. */
async function suffer(url: string, seconds: number, victim: Victim): Promise<void> {
  const begin = performance.now();
  for (let due = begin; due < begin + seconds * 1000; due += pace) {
    const early = due - performance.now();
    if (early > 0) await sleep(early);
    if ((await read(url)) !== 200) victim.refused += 1;
    victim.latencies.push(performance.now() - due);
  }
}

async function inParallel(
  count: number,
  many: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const loop = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: many }, loop));
}

async function fill(folder: string, secrets: number): Promise<void> {
  const server = await startExecutable(folder);
  const put = (name: string, value: string) =>
    requestJson('PUT', `${server.url}/secret/${name}`, server.headers, { value });
  await put('db/a', 'v'.repeat(100));
  await inParallel(100, 16, index => put(`web/rotated/${index}`, 'v'));
  await inParallel(secrets, 32, index => put(`web/large/${index}`, 'v'.repeat(65_536)));
  for (let version = 0; version < 990; version++) await put('web/history', 'v');
  await server.stop();
}

/** The most that was resident, as the kernel remembers it (proc(5), VmHWM); it is asked for from a reset on. */
function peakMegabytes(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

async function compare(server: ExecutableServer, number: number, seconds: number) {
  const title = attacks[number]?.title ?? '';
  const url = new URL(server.url);
  const alone: Victim = { latencies: [], refused: 0 };
  const attacked: Victim = { latencies: [], refused: 0 };
  writeFileSync(`/proc/${server.pid}/clear_refs`, '5');
  for (let turn = 0; turn < turns; turn++) {
    await suffer(server.url, seconds, alone);
    const attacker = startOwned(process.execPath, [attackProcess, String(number), url.hostname, url.port], {
      stdio: 'ignore',
    });
    await sleep(1000);
    await suffer(server.url, seconds, attacked);
    await kill(attacker, 'SIGKILL');
    await sleep(1000);
  }
  const p99 = { alone: percentile(alone.latencies, 0.99), attacked: percentile(attacked.latencies, 0.99) };
  const megabytes = peakMegabytes(server.pid);
  stderr.write(
    `${title}: ${p99.alone.toFixed(1)} to ${p99.attacked.toFixed(1)} ms, ${megabytes.toFixed(0)} MB\n`,
  );
  return { title, ...p99, refused: attacked.refused, megabytes };
}

const [seconds, secrets] = [Number(argv[2] ?? 5), Number(argv[3] ?? 9000)];
const folder = install(temporaryFolder());
writeFileSync(join(folder, 'policy.yaml'), policy);
stderr.write(`filling a vault with ${secrets} secrets of 64 KiB\n`);
await fill(folder, secrets);
const config = join(folder, 'config.toml');
writeFileSync(config, readFileSync(config, 'utf8').replace('[limits]\n', `[limits]\n${networkRates}`));
const server = await startExecutable(folder);
const results = [];
for (const number of attacks.keys()) results.push(await compare(server, number, seconds));
await server.stop();
const lines = results.map(
  ({ title, alone, attacked, refused, megabytes }) =>
    `| ${title} | ${alone.toFixed(1)} | ${attacked.toFixed(1)} | ${(attacked / alone).toFixed(2)} | ${refused} | ${megabytes.toFixed(0)} |`,
);
stdout.write(`${describeMachine(folder)}

| attack | p99 alone, ms | p99 attacked, ms | ratio | refused | peak, MB |
|---|---:|---:|---:|---:|---:|
${lines.join('\n')}
`);
const isMissed = results.some(
  ({ alone, attacked, refused, megabytes }) =>
    attacked > mostRatio * alone || refused > 0 || megabytes > mostMegabytes,
);
exit(isMissed ? 1 : 0);
