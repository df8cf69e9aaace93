import type { ChildProcess } from 'node:child_process';
import process from 'node:process';
import { startOwned } from '../owned.ts';
import { type BenchServer, cpuSeconds, kill, onCore } from '../processes.ts';

/** Milliseconds. */
const startDeadline = 20_000;

export type Program = Pick<BenchServer, 'cpuSeconds' | 'stop'>;

/**
 * Starts a program on the servers' core, and resolves once it prints `sign`.
 * @param environment added to the variables of this process
 * @throws Error with what it printed, when it ends first or does not print it in time
 */
export async function startProgram(
  path: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  sign: string,
): Promise<Program> {
  const [command, rest] = onCore(0, [path, ...args]);
  const child = startOwned(command, rest, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await printed(child, path, sign);
  return {
    cpuSeconds: () => cpuSeconds(child.pid),
    stop: () => kill(child),
  };
}

async function printed(child: ChildProcess, path: string, sign: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let output = '';
  const onData = (chunk: Buffer) => {
    output += chunk;
    if (output.includes(sign)) resolve();
  };
  const fail = (reason: string) => reject(new Error(`${path} ${reason}\n${output}`));
  const onClose = () => fail('ended before it was ready:');
  const timer = setTimeout(fail, startDeadline, `did not print "${sign}" in time:`);
  child.on('error', reject).on('close', onClose);
  const streams = [child.stdout, child.stderr];
  for (const stream of streams) stream?.on('data', onData);
  try {
    await promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
    child.off('close', onClose);
    for (const stream of streams) stream?.off('data', onData).resume();
  }
}
