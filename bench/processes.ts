import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { startOwned } from './owned.ts';
import { type Profile, profileOf } from './sampling.ts';

/**
 * `on` and `off` are the service with and without metrics, by header identity; `token` has token identity; what is traced
 * samples this share; `instrumented` has @opentelemetry/instrumentation-http make the server spans; `bare` is Fastify alone.
 */
export type Variant =
  | 'bare'
  | 'on'
  | 'off'
  | 'token'
  | 'traced-0'
  | 'traced-0.01'
  | 'traced-1'
  | 'instrumented-0.01';

export interface BenchServer {
  readonly url: string;
  /** Who asks, as the variant wants to be told. */
  readonly headers: Readonly<Record<string, string>>;
  /** CPU seconds that the whole process has used so far. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** A server that we wrote the main file of. */
export interface VariantServer extends BenchServer {
  /** What the main thread does while `work` runs, and what that comes to. */
  profile<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly profile: Profile }>;
}

export const checkout = resolve(import.meta.dirname, '..');
const clockTicksPerSecond = 100;
/** A start takes a quarter less time; dozens of them add up. */
const compileCache = join(checkout, 'node_modules/.cache/node-compile-cache');

/** What `bin/jarvis-secretsd` tells Node; the bare route is told the same. */
export const nodeOptions = ['--disable-sigusr1', '--no-allocation-site-pretenuring'];

/** Server and load each have a core of their own where `taskset` can pin them. */
export const pinned = spawnSync('taskset', ['-c', '1', 'true']).status === 0;

/** The command that runs `argv` on one core, or as it is where nothing can be pinned. */
export function onCore(core: 0 | 1, argv: readonly string[]): [string, string[]] {
  const [command = '', ...rest] = pinned ? ['taskset', '-c', String(core), ...argv] : argv;
  return [command, rest];
}

/** Keeps a running process, all of its threads, to one core, where that can be done. */
export function pinTo(core: 0 | 1, pid: number | undefined): void {
  if (pinned && pid !== undefined) spawnSync('taskset', ['-acp', String(core), String(pid)]);
}

/** A new folder in `parent` with the configuration and policy that a tree ships. */
export function install(parent: string, tree = checkout): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'service-'));
  for (const file of ['config.toml', 'policy.yaml']) cpSync(join(tree, file), join(folder, file));
  // The vaults of the benchmark hold more than a small team has; a release before quotas has no such lines.
  const config = join(folder, 'config.toml');
  writeFileSync(config, readFileSync(config, 'utf8').replace(/^(secrets|bytes) = \d+/gm, '$1 = 0'));
  return folder;
}

/**
 * Starts a variant, and pins it once it listens: starts can then share the cores.
 * @param collector the address that the variants with traces push to
 */
export async function startServer(
  variant: Variant,
  folder: string,
  collector: string,
): Promise<VariantServer> {
  const child = startOwned(
    process.execPath,
    [...nodeOptions, join(import.meta.dirname, 'server.ts'), variant, folder, collector],
    {
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  const port = await portOf(child, variant);
  pinTo(0, child.pid);
  return {
    url: `http://127.0.0.1:${port}`,
    headers: { 'x-jarvis-client': 'admin' },
    cpuSeconds: () => cpuSeconds(child.pid),
    profile: work => profileOf(child, work),
    stop: () => kill(child),
  };
}

/** Unless told otherwise without a chance to close anything: the folder goes, too. */
export async function kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'close');
}

async function portOf(child: ChildProcess, variant: Variant): Promise<number> {
  const [message] = await Promise.race([
    once(child, 'message') as Promise<[{ port: number }]>,
    once(child, 'close').then(() => {
      throw new Error(`the ${variant} server did not start`);
    }),
  ]);
  return message.port;
}

/** utime and stime of proc(5), the 14th and 15th fields. */
export function cpuSeconds(pid: number | undefined): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '';
  const fields = afterName.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

export function residentMegabytes(pid: number | undefined): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}
