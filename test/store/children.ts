/** Runs the programs of test/store/children in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const folder = join(import.meta.dirname, 'children');

/** Starts a program; what it writes to stderr is shown. `shell` may wrap the command line, which it gets as "$@". */
export function startChild(
  program: string,
  args: readonly string[],
  shell?: readonly string[],
): ChildProcess {
  const command = [process.execPath, join(folder, program), ...args];
  const [executable = '', ...rest] = shell === undefined ? command : [...shell, 'sh', ...command];
  // The test runner's own loaders are none of the child's business.
  const { NODE_OPTIONS: _, ...env } = process.env;
  return spawn(executable, rest, { env, stdio: ['pipe', 'pipe', 'inherit'] });
}

/** The JSON that a program prints before it ends. */
export async function childResult(child: ChildProcess): Promise<unknown> {
  if (child.stdout === null) throw new Error('the child has no stdout');
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(output);
}

/** Kills as a power cut would, and waits for the end. */
export async function killChild(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
