/**
 * Every exit code of `jarvis-secretsd`, in one table: docs/CONFIGURATION.md lists the same rows, and
 * test/consistency/exit-codes.test.ts holds the two together. Codes above 128 follow the shells: 128 and the number of a signal.
 */
export const exitCodes = {
  success: 0,
  failure: 1,
  refused: 2,
  /** EX_TEMPFAIL of sysexits.h. */
  temporary: 75,
  secondInterrupt: 130,
  secondQuit: 131,
  secondTerminate: 143,
} as const;
