/** SQLite's result codes, as far as the writer tells them apart: https://sqlite.org/rescode.html */
const busy = 5;
const full = 13;
const tooBig = 18;
const constraint = 19;
const mismatch = 20;
const sharedMemorySize = 4874;

/**
 * What an error in a transaction condemns: the `caller` alone, the whole `batch` (cleanly refused: `full`, `busy`), or
 * the writer itself, since after a failed write or fsync a retry may succeed falsely.
 */
export type Damage = 'caller' | 'full' | 'busy' | 'fatal';

export function damageOf(error: unknown): Damage {
  const code = resultCode(error);
  if (code === null) return 'caller';
  // The index of the log lives in a file of its own; that it cannot grow means a full disk.
  if (code === sharedMemorySize) return 'full';
  switch (code & 0xff) {
    case tooBig:
    case constraint:
    case mismatch:
      return 'caller';
    case full:
      return 'full';
    case busy:
      return 'busy';
    default:
      return 'fatal';
  }
}

/** The extended result code; null for an error that is not SQLite's. */
function resultCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : null;
}
