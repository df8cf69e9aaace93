/**
 * `npm run bench`: what the service and its metrics cost, side by side in one run on one machine, in under two minutes.
 * Prints a report; `--write` puts it into docs/benchmarks.md too.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, stderr, stdout } from 'node:process';
import { load, type Sample } from './load.ts';
import { type BenchServer, coldStart, installInto, startServer, type Variant } from './processes.ts';
import { type Ratio, report } from './report.ts';

const documentPath = new URL('../docs/benchmarks.md', import.meta.url);
const rounds = 4;
const secondsEach = 3;
const coldStarts = 5;

const cases = [
  { name: 'bare Fastify route', variant: 'bare', path: '/' },
  { name: '/healthz, metrics on', variant: 'on', path: '/healthz' },
  { name: '/healthz, metrics off', variant: 'off', path: '/healthz' },
  { name: 'GET /secret/test, metrics on', variant: 'on', path: '/secret/test' },
  { name: 'GET /secret/test, metrics off', variant: 'off', path: '/secret/test' },
  { name: 'GET /secret/test, token identity', variant: 'token', path: '/secret/test' },
] as const;

const ratios: readonly Ratio[] = [
  { name: '/healthz, metrics on : off', of: '/healthz, metrics on', to: '/healthz, metrics off' },
  {
    name: 'GET /secret/test, metrics on : off',
    of: 'GET /secret/test, metrics on',
    to: 'GET /secret/test, metrics off',
  },
  {
    name: 'GET /secret/test, token identity : header identity',
    of: 'GET /secret/test, token identity',
    to: 'GET /secret/test, metrics on',
  },
  { name: '/healthz, metrics on : bare', of: '/healthz, metrics on', to: 'bare Fastify route' },
  {
    name: 'GET /secret/test, metrics on : bare',
    of: 'GET /secret/test, metrics on',
    to: 'bare Fastify route',
  },
];

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-bench-'));
  try {
    const starts = [];
    for (let index = 0; index < coldStarts; index++) starts.push(await coldStart(installed(folder, 'start')));
    const text = report(await measureCases(folder), ratios, starts);
    stdout.write(text);
    if (argv.includes('--write')) writeFileSync(documentPath, `# Benchmarks\n\n${text}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureCases(folder: string) {
  const servers = {
    bare: await startServer('bare', folder),
    on: await startServer('on', installed(folder, 'on')),
    off: await startServer('off', installed(folder, 'off')),
    token: await withToken(await startServer('token', installed(folder, 'token')), join(folder, 'token')),
  };
  try {
    for (const variant of ['on', 'off', 'token'] as const) await createSecret(servers[variant]);
    await eachCase(servers, 1);
    const measured: Sample[][] = [];
    for (let round = 1; round <= rounds; round++) {
      stderr.write(`round ${round} of ${rounds}\n`);
      measured.push(await eachCase(servers, secondsEach));
    }
    return cases.map(({ name }, index) => ({ name, samples: measured.flatMap(round => round[index] ?? []) }));
  } finally {
    for (const server of Object.values(servers)) await server.stop();
  }
}

/** One after another, so that each case has the machine to itself. */
async function eachCase(servers: Record<Variant, BenchServer>, seconds: number): Promise<Sample[]> {
  const samples = [];
  for (const { variant, path } of cases) samples.push(await load(servers[variant], path, seconds));
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
