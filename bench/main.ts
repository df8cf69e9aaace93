/**
 * `npm run bench`: what the service and its metrics cost, side by side in one run on one machine, in under two minutes.
 * Prints a report; `--write` puts it into docs/benchmarks.md too. `--traces` measures what traces cost instead.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stderr, stdout } from 'node:process';
import { metricsSuite, tracesSuite } from './cases.ts';
import { startCollector } from './collector.ts';
import { load, type Sample } from './load.ts';
import { type BenchServer, coldStart, installInto, startServer, type Variant } from './processes.ts';
import { report } from './report.ts';

const documentPath = new URL('../docs/benchmarks.md', import.meta.url);
const rounds = 4;
const secondsEach = 3;
const coldStarts = 5;

const suite = argv.includes('--traces') ? tracesSuite : metricsSuite;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-bench-'));
  try {
    const starts = [];
    for (let index = 0; index < coldStarts; index++) starts.push(await coldStart(installed(folder, 'start')));
    const text = report(await measureCases(folder), suite.ratios, starts);
    stdout.write(text);
    if (argv.includes('--write')) writeFileSync(documentPath, `# Benchmarks\n\n${text}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureCases(folder: string) {
  const collector = await startCollector();
  const servers = new Map<Variant, BenchServer>();
  try {
    for (const variant of new Set(suite.cases.map(({ variant }) => variant))) {
      const installation = installed(folder, variant);
      const started = await startServer(variant, installation, collector.url);
      const server = variant === 'token' ? await withToken(started, installation) : started;
      servers.set(variant, server);
      if (variant !== 'bare') await createSecret(server);
    }
    await eachCase(servers, 1);
    const measured: Sample[][] = [];
    for (let round = 1; round <= rounds; round++) {
      stderr.write(`round ${round} of ${rounds}\n`);
      measured.push(await eachCase(servers, secondsEach));
    }
    return suite.cases.map(({ name }, index) => ({
      name,
      samples: measured.flatMap(round => round[index] ?? []),
    }));
  } finally {
    for (const server of servers.values()) await server.stop();
    collector.stop();
  }
}

/** One after another, so that each case has the machine to itself. */
async function eachCase(servers: ReadonlyMap<Variant, BenchServer>, seconds: number): Promise<Sample[]> {
  const samples = [];
  for (const { variant, path } of suite.cases) {
    const server = servers.get(variant);
    if (server !== undefined) samples.push(await load(server, path, seconds));
  }
  return samples;
}

function installed(folder: string, name: string): string {
  const installation = join(folder, name);
  mkdirSync(installation, { recursive: true });
  installInto(installation);
  return installation;
}

/** The server with a token of `admin` in place of the name. */
async function withToken(server: BenchServer, folder: string): Promise<BenchServer> {
  const bootstrap = readFileSync(join(folder, 'keys/bootstrap.token'), 'utf8').trimEnd();
  const response = await fetch(`${server.url}/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bootstrap}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client: 'admin' }),
  });
  if (!response.ok) throw new Error(`making a token: ${response.status}`);
  const { token } = (await response.json()) as { token: string };
  return { ...server, headers: { authorization: `Bearer ${token}` } };
}

async function createSecret({ url, headers }: BenchServer): Promise<void> {
  const response = await fetch(`${url}/secret`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'test', value: 'val' }),
  });
  if (!response.ok) throw new Error(`creating the secret: ${response.status}`);
}

await main();
