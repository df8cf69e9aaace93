import { errorMessage } from '../errors.ts';

/** SQLite's result codes, as far as the writer tells them apart: https://sqlite.org/rescode.html */
const busy = 5;
const readOnly = 8;
const corrupt = 11;
const full = 13;
const cannotOpenFile = 14;
const tooBig = 18;
const constraint = 19;
const mismatch = 20;
const sharedMemorySize = 4874;

/** SQLite says FULL for ENOSPC only; for EDQUOT, EFBIG, EROFS and EIO it says that a write failed, or another of these. */
const failedWrites: ReadonlySet<number> = new Set([
  778, // SQLITE_IOERR_WRITE
  1546, // SQLITE_IOERR_TRUNCATE
  4618, // SQLITE_IOERR_SHMOPEN
  5386, // SQLITE_IOERR_SHMMAP
]);
const failedReads: ReadonlySet<number> = new Set([
  266, // SQLITE_IOERR_READ
  522, // SQLITE_IOERR_SHORT_READ
  8202, // SQLITE_IOERR_DATA
  8458, // SQLITE_IOERR_CORRUPTFS
]);

/**
 * What an error in a transaction condemns: the `caller` alone, the whole batch (cleanly refused: `full`, `busy`, `unwritable`), or
 * the one request in it that meets what is damaged (`unreadable`). `fatal` condemns the writer itself: after a failed fsync nobody
 * knows what is on the disk, and a retry may succeed falsely.
 */
export type Damage = 'caller' | 'full' | 'busy' | 'unwritable' | 'unreadable' | 'fatal';

export function damageOf(error: unknown): Damage {
  const code = resultCode(error);
  if (code === null) return 'caller';
  // The index of the log lives in a file of its own; that it cannot grow means a full disk.
  if (code === sharedMemorySize) return 'full';
  if (failedWrites.has(code)) return 'unwritable';
  if (failedReads.has(code)) return 'unreadable';
  switch (code & 0xff) {
    case tooBig:
    case constraint:
    case mismatch:
      return 'caller';
    case full:
      return 'full';
    case busy:
      return 'busy';
    case readOnly:
    case cannotOpenFile:
      return 'unwritable';
    case corrupt:
      return 'unreadable';
    default:
      return 'fatal';
  }
}

/** Whether a file could not be opened. */
export function cannotOpen(error: unknown): boolean {
  return ((resultCode(error) ?? 0) & 0xff) === cannotOpenFile;
}

/** The message, with the result: SQLite does not say which error the system gave it. */
export function sqliteMessage(error: unknown): string {
  const code = resultCode(error);
  if (code === null) return errorMessage(error);
  const reason = damageOf(error) === 'full' ? 'no space left on the disk (ENOSPC)' : errorMessage(error);
  return `${reason}, SQLite result ${code}`;
}

/** The extended result code; null for an error that is not SQLite's. */
function resultCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : null;
}
