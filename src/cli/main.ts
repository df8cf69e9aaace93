/** The first module of the process. It imports next to nothing, so that signals are handled from the first moment on. */
import { Signals, StartInterrupted } from '../signals.ts';

const signals = new Signals(process);
// A reader that is gone must end nothing. A writer to stdout says what else a failure means there.
process.stderr.on('error', () => {});
const { runCommandLine } = await import('./command-line.ts');
const { errorMessage, StartError } = await import('../errors.ts');
const { exitCode } = await import('../exit-codes.ts');
const { reportRefusal } = await import('../handover/predecessor.ts');

try {
  await runCommandLine(process.argv.slice(2), signals);
} catch (error) {
  process.stderr.write(`jarvis-secretsd: ${errorMessage(error)}\n`);
  await reportRefusal(process, errorMessage(error));
  process.exit(exitCodeOf(error));
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StartInterrupted) return exitCode('success');
  return error instanceof StartError && error.isTemporary ? exitCode('temporary') : exitCode('refused');
}
