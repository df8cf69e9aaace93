import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { owned } from '../helpers/owned.ts';
import { findTool } from './tools.ts';

/** Milliseconds: how long anything here may take to come true on a busy machine, and between two looks. */
const patience = 180_000;
const pause = 200;

export interface Program {
  readonly child: ChildProcess;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** Sends the signal and resolves when the program has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts one of the built tools and resolves when `readyUrl` answers 200. */
export async function startProgram(
  name: string,
  args: readonly string[],
  readyUrl: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn('env', [...owned, findTool(name) ?? name, ...args], {
    env: { PATH, HOME, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      text += chunk;
    });
  }
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (hasEnded()) return;
    child.kill(signal);
    await once(child, 'close');
  };
  try {
    await until(`${name} is ready`, async () => {
      if (hasEnded()) throw new Error(`${name} has ended: ${text}`);
      return isAnswered(readyUrl);
    });
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
  return { child, output: () => text, stop };
}

/**
 * Looks again and again until `look` gives something else than undefined or false, and gives that.
 * @throws Error what was waited for, when it does not come true in time
 */
export async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await setTimeout(pause);
  }
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
