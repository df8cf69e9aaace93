import { DatabaseSync } from 'node:sqlite';
import { errorMessage } from '../errors.ts';
import { createDatabaseFile } from './database.ts';
import { damageOf } from './sqlite-errors.ts';
import { StoreError } from './store.ts';

/** Held here too, for a forgotten connection is collected, closed, and its lock gone. */
const held = new Set<DatabaseSync>();

export interface VaultLock {
  release(): void;
}

/**
 * Takes the vault at `path` for this process, by a lock on `<path>.lock` that the kernel lets go however the process
 * ends. Makes the file, and its folder, where missing; the file stays. Throws StoreError `failed` when it is held.
 */
export function lockVault(path: string): VaultLock {
  const file = `${path}.lock`;
  try {
    createDatabaseFile(file);
    const connection = lock(file);
    held.add(connection);
    return {
      release: () => {
        if (held.delete(connection)) connection.close();
      },
    };
  } catch (error) {
    throw new StoreError('failed', refusal(file, error), { cause: error });
  }
}

/** SQLite locks with fcntl, which Node does not offer; the file stays empty. */
function lock(file: string): DatabaseSync {
  const connection = new DatabaseSync(file, { timeout: 0 });
  try {
    connection.exec('BEGIN EXCLUSIVE');
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function refusal(file: string, error: unknown): string {
  return damageOf(error) === 'busy'
    ? `another jarvis-secretsd process uses this vault: it holds ${file}`
    : `cannot lock ${file}: ${errorMessage(error)}`;
}
