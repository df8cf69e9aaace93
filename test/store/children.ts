/** Runs the programs of test/store/children in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { owned } from '../helpers/owned.ts';

const folder = join(import.meta.dirname, 'children');

/** Starts a program, behind the words of `wrapper`; what it writes to stderr is shown. */
export function startChild(
  program: string,
  args: readonly string[],
  wrapper: readonly string[] = [],
): ChildProcess {
  // The test runner loads itself into every child, and there undoes how Node treats signals.
  const bare = ['-u', 'NODE_OPTIONS', process.execPath, join(folder, program), ...args];
  return spawn('env', [...owned, ...wrapper, 'env', ...bare], { stdio: ['pipe', 'pipe', 'inherit'] });
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
