/**
 * Every exit code of `jarvis-secretsd`, in one table: `--help` prints it, and docs/CONFIGURATION.md has the same rows
 * (test/consistency/exit-codes.test.ts). Codes above 128 are 128 and the number of a signal, as shells have it.
 */
export const exitCodeTable = {
  success: { code: 0, meaning: 'The service stopped as asked, or the command succeeded.' },
  failure: {
    code: 1,
    meaning:
      'The service failed while it ran, or could not stop cleanly; or the answer of the command is no.',
  },
  refused: {
    code: 2,
    meaning: 'The start or the command was refused: somebody must change something first.',
  },
  /** EX_TEMPFAIL of sysexits.h. */
  temporary: {
    code: 75,
    meaning: 'The start failed for a reason that can pass by itself: try again later.',
  },
  secondInterrupt: { code: 130, meaning: 'A second SIGINT (Ctrl-C) ended the service during its stop.' },
  secondQuit: { code: 131, meaning: 'A second SIGQUIT ended the service during its stop.' },
  secondTerminate: { code: 143, meaning: 'A second SIGTERM ended the service during its stop.' },
} as const satisfies Record<string, { code: number; meaning: string }>;

export type ExitCode = keyof typeof exitCodeTable;

/** The number of an exit code. */
export function exitCode(name: ExitCode): number {
  return exitCodeTable[name].code;
}
