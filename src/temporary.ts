/** Whether an error can pass without anybody changing anything: it decides between two exit codes of a start. */

/** Errors of the system and of name resolution (getaddrinfo), by the reason why they can pass. */
const temporaryCodes: ReadonlySet<string> = new Set([
  // An address that another process still holds, or that its interface does not have yet.
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  // A name that cannot be resolved: at boot the resolver is often not up yet.
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_MEMORY',
  'EAI_SYSTEM',
  'ENOTFOUND',
  // Room that somebody frees.
  'EDQUOT',
  'ENOSPC',
  // What the process or the machine has too little of at the moment.
  'EAGAIN',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'ERR_WORKER_INIT_FAILED',
  'ERR_WORKER_OUT_OF_MEMORY',
  // A disk or a network file system that did not answer; nothing has been acknowledged yet, so trying again is safe.
  'EIO',
  'ESTALE',
  'ETIMEDOUT',
  'EBUSY',
]);

/** SQLITE_BUSY, _LOCKED, _NOMEM, _IOERR and _FULL: https://sqlite.org/rescode.html */
const temporaryResults: ReadonlySet<number> = new Set([5, 6, 7, 10, 13]);

/** Looks at the error and at what caused it. */
export function isTemporary(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('isTemporary' in error && error.isTemporary === true) return true;
  if ('code' in error && temporaryCodes.has(String(error.code))) return true;
  if ('errcode' in error && temporaryResults.has(Number(error.errcode) & 0xff)) return true;
  return isTemporary(error.cause);
}
