import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a file of mode 0600, in folders made 0700 where they are missing; durable when it returns. Throws the system's
 * error, also when something stands at the path already.
 */
export function createPrivateFile(path: string, content: Uint8Array): void {
  const folder = dirname(resolve(path));
  const firstCreated = mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeNewFile(path, content);
  syncFolders(folder, firstCreated === undefined ? folder : dirname(firstCreated));
}

/** The same in place of what stands there: at no moment is half a file at the path. */
export function replacePrivateFile(path: string, content: Uint8Array): void {
  const written = `${path}.new`;
  rmSync(written, { force: true });
  createPrivateFile(written, content);
  renameSync(written, path);
  const folder = dirname(resolve(path));
  syncFolders(folder, folder);
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

/** Makes directory entries durable, from `folder` up to and including `top`. */
function syncFolders(folder: string, top: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  if (folder !== top) syncFolders(dirname(folder), top);
}
