import process from 'node:process';
import { startOwned } from '../owned.ts';
import { printed } from '../printed.ts';
import { type BenchServer, cpuSeconds, kill, onCore } from '../processes.ts';

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
