import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { errorMessage, StartError } from './errors.ts';

/** What a file's mode may not grant, and the `chmod` that takes it back. */
export interface AccessLimit {
  readonly forbidden: number;
  readonly chmod: string;
  readonly fault: string;
}

const open = 'is open to other users';

/** For what only the service itself reads. */
export const ownerOnly: AccessLimit = { forbidden: 0o077, chmod: '600', fault: open };

/** For what a group may share, such as the one that ships the audit log. */
export const groupMayRead: AccessLimit = { forbidden: 0o027, chmod: 'g-w,o=', fault: open };

/**
 * For what anybody may read. The group may write: where the umask is 002, every checkout has such files, in a group of
 * its user alone.
 */
export const othersMayRead: AccessLimit = {
  forbidden: 0o002,
  chmod: 'o-w',
  fault: 'can be changed by other users',
};

/** @throws StartError with the file, its mode and the command that mends it */
export function requireAccess(what: string, path: string, { mode }: Stats, limit: AccessLimit): void {
  if ((mode & limit.forbidden) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  throw new StartError(`${what} ${path} ${limit.fault} (mode ${octal}); run: chmod ${limit.chmod} '${path}'`);
}

/**
 * The content of a key file. The file that was checked is the one that is read, whatever stands at the path meanwhile.
 * @throws StartError, also when it is no regular file or is open to more than the limit says
 */
export function readPrivateFile(what: string, path: string, limit: AccessLimit): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const stats = fstatSync(file);
      if (!stats.isFile()) throw new StartError(`${what} ${path} is not a regular file`);
      if (!isServiceCredential(stats)) requireAccess(what, path, stats, limit);
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`cannot read ${what} ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** A systemd credential under `User=` is root's, 0440: an ACL names the service, and its mask shows as group bits. */
function isServiceCredential(stats: Stats): boolean {
  return (stats.mode & 0o777) === 0o440 && stats.uid === 0 && stats.gid === 0;
}
