import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { makeFolder, syncFolder } from '../durable-folders.ts';
import { systemErrorCode } from '../errors.ts';

/** How file systems refuse a second name for a file that they do not know at all. */
const withoutLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/**
 * Makes a file of mode 0600, in folders made 0700 where they are missing; durable when it returns, and at no moment half a file.
 * Throws the system's error, also when something stands at the path already.
 */
export function createPrivateFile(path: string, content: Uint8Array): void {
  place(path, content, linkNew);
}

/** The same in place of what stands there. */
export function replacePrivateFile(path: string, content: Uint8Array): void {
  place(path, content, renameSync);
}

/** Takes away what a process left that was killed while it made the file. */
export function removeUnfinished(path: string): void {
  rmSync(unfinished(path), { force: true });
}

function unfinished(path: string): string {
  return `${path}.new`;
}

function place(path: string, content: Uint8Array, put: (written: string, path: string) => void): void {
  const folder = dirname(resolve(path));
  makeFolder(folder);
  const written = unfinished(path);
  removeUnfinished(path);
  try {
    writeNewFile(written, content);
    put(written, path);
  } finally {
    removeUnfinished(path);
  }
  syncFolder(folder);
}

/** A rename would replace what stands there. Some file systems have no second names for a file. */
function linkNew(written: string, path: string): void {
  try {
    linkSync(written, path);
  } catch (error) {
    if (!withoutLinks.includes(systemErrorCode(error) ?? '') || existsSync(path)) throw error;
    renameSync(written, path);
  }
}

function writeNewFile(path: string, content: Uint8Array): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(file);
  }
}
