import { dirname } from 'node:path';
import { launcherVariable } from './messages.ts';
import type { SuccessorCommand } from './successor.ts';

/** What a process knows of how it was started. */
export interface StartedProcess {
  readonly argv: readonly string[];
  readonly execArgv: readonly string[];
  readonly execPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  cwd(): string;
}

/**
 * How this process was started: call it before anything changes its environment or folder. The launcher finds the code that is in
 * place at its next start, by its path as it was called then; without it, the same program runs again.
 */
export function commandOf(started: StartedProcess): Omit<SuccessorCommand, 'descriptors'> {
  const { argv, execArgv, execPath, env, pid } = started;
  const [, script = '', ...args] = argv;
  const launcher = env[launcherVariable];
  const [file, ...words] =
    launcher === undefined ? [execPath, ...execArgv, script, ...args] : [launcher, ...args];
  return { file, args: words, folder: started.cwd(), env: environmentOf(started), pid };
}

/**
 * The launcher puts the folder of its Node in front of PATH, at each start once more. A successor was not started by npm, and must
 * not stop when npm ends.
 */
function environmentOf({ env, execPath }: StartedProcess): Record<string, string | undefined> {
  const own = `${dirname(execPath)}:`;
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES, LISTEN_PIDFDID, npm_lifecycle_event, ...others } = env;
  const path = others['PATH'];
  return path?.startsWith(own) ? { ...others, PATH: path.slice(own.length) } : others;
}
