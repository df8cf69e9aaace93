/** The first module of the process. It imports next to nothing, so that signals are handled from the first moment on. */
import { Signals, StartInterrupted } from '../signals.ts';

const signals = new Signals(process);
const { runCommandLine } = await import('./command-line.ts');
const { errorMessage } = await import('../errors.ts');
const { exitCodes } = await import('../exit-codes.ts');

try {
  await runCommandLine(process.argv, signals);
} catch (error) {
  process.stderr.write(`jarvis-secretsd: ${errorMessage(error)}\n`);
  process.exit(error instanceof StartInterrupted ? exitCodes.success : exitCodes.refused);
}
