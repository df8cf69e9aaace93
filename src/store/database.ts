import { accessSync, closeSync, constants, existsSync, fchmodSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder, syncFolder } from '../durable-folders.ts';
import { errorMessage } from '../errors.ts';
import { schema, tokensSchema } from './schema.ts';
import { cannotOpen, sqliteMessage } from './sqlite-errors.ts';
import { StoreError } from './store.ts';

/** 'JVSD', so that `file` and we ourselves can tell a vault from any other SQLite database. */
const applicationId = 0x4a565344;
const schemaVersion = 2;
const busyTimeout = 5000;
/** The write-ahead log reaches about this between two checkpoints. */
const usualLogBytes = 16 * 1024 * 1024;

/** Makes an empty 0600 file (and its folder, 0700) unless the file exists; both survive a power cut. */
export function createDatabaseFile(path: string): void {
  if (existsSync(path)) return;
  const folder = dirname(path);
  makeFolder(folder);
  const file = openSync(path, 'wx', 0o600);
  try {
    fchmodSync(file, 0o600);
  } finally {
    closeSync(file);
  }
  syncFolder(folder);
}

/** What opening a vault may do to its file, besides reading and writing rows. */
export interface FileChanges {
  /** Make an empty file a vault. */
  readonly create: boolean;
  /** Bring a vault of an earlier release up to this one. */
  readonly migrate: boolean;
}

/**
 * Opens the vault's one writing connection.
 * Throws StoreError `failed` when the file is not a vault that this version can write.
 */
export function openForWriting(path: string, allowed: FileChanges): DatabaseSync {
  return opened(path, () => {
    // SQLite itself would create a file that is not there.
    if (!existsSync(path)) throw new Error('the file does not exist');
    const database = new DatabaseSync(path, { timeout: busyTimeout });
    try {
      const found = identify(database, allowed);
      // Checkpoints are the writer's own, since SQLite hides the errors of automatic ones.
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0');
      // A reader from outside can make the log grow; when it has left, the log shrinks again.
      database.exec(`PRAGMA journal_size_limit = ${usualLogBytes}`);
      // A purged value must not linger in free pages.
      database.exec('PRAGMA secure_delete = ON');
      if (found === 'empty') createSchema(database);
      if (found === 'schema 1') migrateFromSchema1(database);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Opens a connection that can only read. Throws StoreError `failed`. */
export function openForReading(path: string): DatabaseSync {
  return opened(path, () => new DatabaseSync(path, { readOnly: true, timeout: busyTimeout }));
}

function opened(path: string, open: () => DatabaseSync): DatabaseSync {
  try {
    return open();
  } catch (error) {
    const cause = openFailure(path, error);
    throw new StoreError('failed', `cannot open the vault ${path}: ${sqliteMessage(cause)}`, { cause });
  }
}

/**
 * SQLite says of a file that it cannot open only that; the system knows why. Where nothing forbids it, it was too few descriptors.
 * No file of the vault is opened: to close one again would end the locks that this process holds on it.
 */
export function openFailure(path: string, error: unknown): unknown {
  if (!cannotOpen(error)) return error;
  try {
    closeSync(openSync(dirname(path), 'r'));
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
    }
    const message = `${errorMessage(error)}; are there too few open files (ulimit -n)?`;
    return new StoreError('failed', message, { cause: error, isTemporary: true });
  } catch (cause) {
    return cause;
  }
}

function identify(database: DatabaseSync, { create, migrate }: FileChanges): 'empty' | 'schema 1' | 'vault' {
  const id = pragma(database, 'application_id');
  const version = pragma(database, 'user_version');
  const empty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  if (empty && id === 0 && version === 0) {
    if (create) return 'empty';
    throw new Error(
      'the file is empty: the vault was lost, or the first start was interrupted. Restore it from a backup; if it never held a secret, move the file and the master key away, and start again',
    );
  }
  if (id !== applicationId) throw new Error('the file is a database, but not a jarvis-secretsd vault');
  if (version > schemaVersion) {
    throw new Error(`it has schema ${version}, and this version knows ${schemaVersion}: use a newer release`);
  }
  if (version === 1) {
    if (migrate) return 'schema 1';
    throw new Error('it was made by an earlier release; start the service once, which brings it up to date');
  }
  if (version !== schemaVersion) throw new Error(`it has the unknown schema ${version}`);
  return 'vault';
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** All in one transaction: a crash leaves an empty file or a whole schema. */
function createSchema(database: DatabaseSync): void {
  database.exec(`BEGIN IMMEDIATE;
    ${schema}
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${schemaVersion};
    COMMIT`);
}

/** All in one transaction too; what was there stays as it is. */
function migrateFromSchema1(database: DatabaseSync): void {
  database.exec(`BEGIN IMMEDIATE;
    ${tokensSchema}
    PRAGMA user_version = ${schemaVersion};
    COMMIT`);
}
