import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemErrorCode } from '../errors.ts';
import { mountPoints } from '../mount-points.ts';
import { createDatabaseFile, openFailure } from './database.ts';
import { damageOf, sqliteMessage } from './sqlite-errors.ts';
import { StoreError } from './store.ts';

/** Held here too, for a forgotten connection is collected, closed, and its lock gone. */
const held = new Set<DatabaseSync>();

export interface VaultLock {
  release(): void;
}

/** Another process uses the vault, or another name in this one. */
export class VaultInUse extends StoreError {
  constructor(file: string, options: ErrorOptions) {
    super('failed', `another jarvis-secretsd process uses this vault: it holds ${file}`, options);
    this.name = 'VaultInUse';
  }
}

/**
 * Takes the vault at `path` for this process, under whatever name: by a lock on the file `.lock` next to the real database,
 * which the kernel lets go however the process ends. Makes the file, and its folder, where missing; the file stays.
 * Throws VaultInUse when the lock is held, and StoreError `failed` when the database has a second name that no lock covers.
 */
export function lockVault(path: string): VaultLock {
  try {
    const database = realPath(resolve(path));
    const connection = lock(`${database}.lock`);
    const release = () => {
      if (held.delete(connection)) connection.close();
    };
    try {
      requireOneName(database);
    } catch (error) {
      release();
      throw error;
    }
    return { release };
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const cause = openFailure(`${path}.lock`, error);
    throw new StoreError('failed', `cannot lock the vault ${path}: ${sqliteMessage(cause)}`, { cause });
  }
}

/** Without symbolic links, so that a vault has one lock. What does not exist yet keeps its name. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return join(realPath(dirname(path)), basename(path));
  }
}

/**
 * A second process that opened the database by a hard link, or by a mount of the file alone, would have a lock and a
 * write-ahead log of its own, and both would write: https://sqlite.org/howtocorrupt.html §2.5.
 */
function requireOneName(database: string): void {
  const links = statSync(database, { throwIfNoEntry: false })?.nlink ?? 1;
  if (links > 1) {
    throw new StoreError(
      'failed',
      `the vault ${database} has ${links} hard links: a second service could write to it by another name. ` +
        `Remove the others; find them with: find / -xdev -samefile '${database}'`,
    );
  }
  if (mountPoints().includes(database)) {
    throw new StoreError(
      'failed',
      `the vault ${database} is a mount of a single file: its write-ahead log would stay outside. Mount its folder instead`,
    );
  }
}

/** SQLite locks with fcntl, which Node does not offer; the file stays empty. */
function lock(file: string): DatabaseSync {
  createDatabaseFile(file);
  const connection = new DatabaseSync(file, { timeout: 0 });
  try {
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection.close();
    if (damageOf(error) === 'busy') throw new VaultInUse(file, { cause: error });
    throw error;
  }
  held.add(connection);
  return connection;
}
