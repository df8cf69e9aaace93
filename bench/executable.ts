import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { freePort } from '../tools/free-port.ts';
import { startOwned } from './owned.ts';
import { printed } from './printed.ts';
import { type BenchServer, checkout, cpuSeconds, kill, pinTo, residentMegabytes } from './processes.ts';

/** The service as a user starts it. */
export interface ExecutableServer extends BenchServer {
  /** From the spawn to the ready line, in milliseconds. */
  readonly startMilliseconds: number;
  residentMegabytes(): number;
  /** Keeps it to core 0 from now on. */
  pin(): void;
  readonly pid: number;
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
  await printed(child, 'bin/jarvis-secretsd', '"msg":"ready"');
  return {
    url: `http://127.0.0.1:${port}`,
    headers: { 'x-jarvis-client': 'admin' },
    startMilliseconds: performance.now() - startedAt,
    pid: child.pid ?? 0,
    residentMegabytes: () => residentMegabytes(child.pid),
    cpuSeconds: () => cpuSeconds(child.pid),
    pin: () => pinTo(0, child.pid),
    // As an operator does, so that the next start finds nothing to repair.
    stop: () => kill(child, 'SIGTERM'),
  };
}
