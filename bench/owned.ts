import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const undoing: (() => void)[] = [];

/** Undoes something when this process ends, on Ctrl-C too; the latest first. It must not wait for anything. */
export function whenEnded(undo: () => void): void {
  if (undoing.length === 0) {
    process.once('exit', () => {
      for (const each of undoing.toReversed()) each();
    });
    process.once('SIGINT', () => process.exit(130));
    process.once('SIGTERM', () => process.exit(143));
  }
  undoing.push(undo);
}

/** A process that does not outlive this one. */
export function startOwned(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  whenEnded(() => void child.kill('SIGKILL'));
  return child;
}

/** A folder that does not either. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-bench-'));
  whenEnded(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
