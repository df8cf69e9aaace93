import type { DatabaseSync } from 'node:sqlite';
import type { WriteRequest } from './messages.ts';
import { integer, versionColumns } from './rows.ts';
import { damageOf } from './sqlite-errors.ts';

/** Milliseconds that a checkpoint waits for readers; commits wait meanwhile. */
const patience = 50;
const sealedColumn = versionColumns.indexOf('sealed');

/**
 * Has destroyed values leave the files. `secure_delete` overwrites them in the pages that a commit writes, but the pages before it
 * stay in the write-ahead log, and in the database file until the new ones are moved there. A checkpoint with TRUNCATE does both.
 */
export class Erasure {
  readonly #database: DatabaseSync;
  readonly #checkpoint;
  readonly #busyTimeout: number;
  /** From the start on: a crash may have come before the checkpoint. */
  #isOwed = true;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#checkpoint = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#busyTimeout = integer(database.prepare('PRAGMA busy_timeout').get() ?? {}, 'timeout');
  }

  /** To be told of the requests of each batch that was committed. */
  committed(requests: readonly WriteRequest[]): void {
    this.#isOwed ||= requests.some(destroysValues);
  }

  /** False while a reader holds on to older pages, or the disk takes nothing. Throws SQLite's error where the writer is done for. */
  run(): boolean {
    if (!this.#isOwed) return true;
    this.#database.exec(`PRAGMA busy_timeout = ${patience}`);
    try {
      this.#isOwed = integer(this.#checkpoint.get() ?? {}, 'busy') !== 0;
    } catch (error) {
      if (damageOf(error) === 'fatal') throw error;
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${this.#busyTimeout}`);
    }
    return !this.#isOwed;
  }
}

function destroysValues(request: WriteRequest): boolean {
  if (request.kind !== 'commit') return false;
  return request.changes.some(
    ({ dropVersions, dropped, versions }) =>
      dropVersions || dropped.length > 0 || versions.some(row => row[sealedColumn] === null),
  );
}
