import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { startOwned } from './owned.ts';
import { type BenchServer, checkout, cpuSeconds, pinTo, residentMegabytes } from './processes.ts';

/** The service as a user starts it. */
export interface ExecutableServer extends BenchServer {
  /** From the spawn to the ready line, in milliseconds. */
  readonly startMilliseconds: number;
  residentMegabytes(): number;
  /** Keeps it to core 0 from now on. */
  pin(): void;
}

/**
 * Starts `bin/jarvis-secretsd` of a tree on a free port of loopback, with the configuration and vault of the folder. It
 * has all cores until it is pinned.
 */
export async function startExecutable(folder: string, tree = checkout): Promise<ExecutableServer> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = startOwned(join(tree, 'bin/jarvis-secretsd'), ['--config', join(folder, 'config.toml')], {
    env: { ...process.env, JARVIS_SECRETSD_SERVER_BIND_ADDR: `127.0.0.1:${port}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await readyLine(child);
  return {
    url: `http://127.0.0.1:${port}`,
    headers: { 'x-jarvis-client': 'admin' },
    startMilliseconds: performance.now() - startedAt,
    residentMegabytes: () => residentMegabytes(child.pid),
    cpuSeconds: () => cpuSeconds(child.pid),
    pin: () => pinTo(0, child.pid),
    stop: () => stop(child),
  };
}

/** As an operator does, so that the next start finds nothing to repair. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}

/** A port of loopback that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** @throws Error when the process ends without it */
async function readyLine({ stdout }: ChildProcess): Promise<void> {
  let output = '';
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    output += chunk;
    if (output.includes('"msg":"ready"')) {
      stdout?.resume();
      return;
    }
  }
  throw new Error(`the service did not start: ${output}`);
}
