import { DatabaseSync } from 'node:sqlite';
import { errorMessage } from '../errors.ts';
import { createDatabaseFile } from './database.ts';
import { damageOf } from './sqlite-errors.ts';
import { StoreError } from './store.ts';

export interface VaultLock {
  release(): void;
}

/**
 * Takes the vault at `path` for this process, by a lock on `<path>.lock` that the kernel lets go however the process
 * ends. Makes the file, and its folder, where missing; the file stays. Throws StoreError `failed` when it is held.
 */
export function lockVault(path: string): VaultLock {
  const file = `${path}.lock`;
  let connection: DatabaseSync | null = null;
  try {
    createDatabaseFile(file);
    connection = new DatabaseSync(file, { timeout: 0 });
    // SQLite locks with fcntl, which Node does not offer; the file stays empty.
    connection.exec('BEGIN EXCLUSIVE');
    const held = connection;
    return { release: () => held.close() };
  } catch (error) {
    connection?.close();
    throw new StoreError('failed', refusal(file, error), { cause: error });
  }
}

function refusal(file: string, error: unknown): string {
  return damageOf(error) === 'busy'
    ? `another jarvis-secretsd process uses this vault: it holds ${file}`
    : `cannot lock ${file}: ${errorMessage(error)}`;
}
