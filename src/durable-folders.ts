/** Folders that survive a power cut: a new or renamed entry is durable only when its folder has been synced. */
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { systemErrorCode } from './errors.ts';

/**
 * Makes a folder of mode 0700, and those above it where they are missing, and syncs every folder that got an entry. Somebody
 * else may have made one that is there, so its entry is synced where that is allowed. Throws the system's error.
 */
export function makeFolder(path: string): void {
  const folder = resolve(path);
  const firstCreated = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (firstCreated !== undefined) syncFoldersUpTo(dirname(folder), dirname(firstCreated));
  else syncIfAllowed(dirname(folder));
}

function syncIfAllowed(folder: string): void {
  try {
    syncFolder(folder);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
  }
}

/** Makes the entries of a folder durable: names that were created, replaced or removed. Throws the system's error. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** As `syncFolder`, off the main thread: for a service that answers meanwhile. */
export async function syncFolderAsync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** From `folder` up to and including `top`. */
function syncFoldersUpTo(folder: string, top: string): void {
  syncFolder(folder);
  if (folder !== top && folder !== dirname(folder)) syncFoldersUpTo(dirname(folder), top);
}
