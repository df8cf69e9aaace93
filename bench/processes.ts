import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';

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

const checkout = resolve(import.meta.dirname, '..');
const clockTicksPerSecond = 100;

/** Server and load each have a core of their own where `taskset` can pin them. */
export const pinned = spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;

/** The command that runs `argv` on one core, or as it is where nothing can be pinned. */
export function onCore(core: 0 | 1, argv: readonly string[]): [string, string[]] {
  const [command = '', ...rest] = pinned ? ['taskset', '-c', String(core), ...argv] : argv;
  return [command, rest];
}

/** Puts the shipped configuration and policy into a folder. */
export function installInto(folder: string): void {
  for (const file of ['config.toml', 'policy.yaml']) cpSync(join(checkout, file), join(folder, file));
}

/** @param collector the address that the variants with traces push to */
export async function startServer(variant: Variant, folder: string, collector: string): Promise<BenchServer> {
  const [command, args] = onCore(0, [
    process.execPath,
    join(import.meta.dirname, 'server.ts'),
    variant,
    folder,
    collector,
  ]);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const port = await portOf(child, variant);
  return {
    url: `http://127.0.0.1:${port}`,
    headers: { 'x-jarvis-client': 'admin' },
    cpuSeconds: () => cpuSeconds(child.pid),
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

export interface ColdStart {
  /** From the spawn of the executable to its ready line. */
  readonly milliseconds: number;
  /** Resident after two idle seconds. */
  readonly megabytes: number;
}

/** Starts the executable itself, as a user does, with whatever the folder holds. */
export async function coldStart(folder: string): Promise<ColdStart> {
  const startedAt = performance.now();
  const child = spawn(join(checkout, 'bin/jarvis-secretsd'), ['--config', join(folder, 'config.toml')], {
    env: { ...process.env, JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${join(folder, 'api.sock')}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await readyLine(child);
  const milliseconds = performance.now() - startedAt;
  await new Promise(done => setTimeout(done, 2000));
  const megabytes = residentMegabytes(child.pid);
  child.kill('SIGTERM');
  await once(child, 'close');
  return { milliseconds, megabytes };
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

async function readyLine({ stdout }: ChildProcess): Promise<void> {
  let output = '';
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    output += chunk;
    if (output.includes('"msg":"ready"')) break;
  }
  stdout?.resume();
}

/** utime and stime of proc(5), the 14th and 15th fields. */
function cpuSeconds(pid: number | undefined): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '';
  const fields = afterName.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

function residentMegabytes(pid: number | undefined): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}
