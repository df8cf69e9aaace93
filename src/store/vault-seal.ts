/** Reads and makes the seal of a vault, and compares it with the rows. */

import type { DatabaseSync } from 'node:sqlite';
import { RowSet, type SetValue } from './row-set.ts';
import { blob, integer, type Row, text } from './rows.ts';
import { scanTable } from './scan.ts';
import { liveCondition, sealSchema } from './schema.ts';
import { schemaDifferences } from './schema-check.ts';
import type { SealStart } from './seal-facts.ts';
import { acceptanceId, closeSeal, openSeal, type Seal, type SealKeys } from './sealing.ts';
import { StoreError } from './store.ts';
import { sealedTables } from './tables.ts';

/** What stands where the seal of a vault belongs. */
export type FoundSeal =
  | { readonly kind: 'none' }
  /** It was altered, or made for another vault. */
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'sealed'; readonly seal: Seal; readonly bytes: Uint8Array };

/** Few rows, and what a start relies on: checked before anything is served. */
const checkedAtStart: ReadonlySet<string> = new Set(['audit_segments', 'meta', 'state']);

export function readSeal(database: DatabaseSync, keys: SealKeys): FoundSeal {
  const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'seal'").get();
  const row: Row | undefined =
    table === undefined ? undefined : database.prepare('SELECT sealed FROM seal WHERE id = 1').get();
  if (row === undefined) return { kind: 'none' };
  const bytes = blob(row, 'sealed');
  const seal = openSeal(keys.seal, bytes);
  return seal === null ? { kind: 'unreadable' } : { kind: 'sealed', seal, bytes };
}

/** The sums of all rows as they are now. */
export function sumRows(database: DatabaseSync, keys: SealKeys): SetValue {
  const set = new RowSet(keys.rowSet);
  for (const table of sealedTables) for (const _ of scanTable(database, table, set));
  return set.value();
}

/**
 * How the vault differs from its seal, as far as a start can tell without reading all of it: the small tables, the newest
 * commit, and what the file defines. Empty where nothing does.
 */
export function differencesAtStart(database: DatabaseSync, keys: SealKeys, seal: Seal): string[] {
  const small = sealedTables.filter(({ name }) => checkedAtStart.has(name));
  const set = new RowSet(keys.rowSet);
  for (const table of small) for (const _ of scanTable(database, table, set));
  const found = set.value();
  const altered = small
    .filter(({ number }) => {
      const [now, sealed] = [found.tables[number - 1], seal.rows.tables[number - 1]];
      return now?.sum !== sealed?.sum || now?.rows !== sealed?.rows;
    })
    .map(({ name }) => `the table ${name} was changed`);
  const last = newestCommit(database);
  const sameCommit = last.seq === seal.lastIntent.seq && last.hash === seal.lastIntent.hash;
  return [
    ...schemaDifferences(database),
    ...altered,
    ...(sameCommit ? [] : ['the newest commit is not the one that was sealed']),
  ];
}

function newestCommit(database: DatabaseSync): Seal['lastIntent'] {
  const row: Row | undefined = database
    .prepare('SELECT intent_seq, intent_hash FROM commits ORDER BY intent_seq DESC LIMIT 1')
    .get();
  if (row === undefined) return { seq: 0, hash: '0'.repeat(64) };
  return { seq: integer(row, 'intent_seq'), hash: text(row, 'intent_hash') };
}

/** Seals the rows as they are: those of a new vault, of one of an earlier release, or of one that an operator accepted. */
export function sealAsIs(
  database: DatabaseSync,
  keys: SealKeys,
  { acceptanceId: id, ...facts }: SealStart,
): { readonly seal: Seal; readonly bytes: Uint8Array } {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(sealSchema);
    let rows = sumRows(database, keys);
    if (id !== null) {
      if (acceptanceId(keys, rows) !== id) {
        throw new StoreError('failed', 'the vault is not as it was when `check` named it; run `check` again');
      }
      deriveAnew(database);
      rows = sumRows(database, keys);
    }
    const seal = { ...facts, lastIntent: newestCommit(database), rows };
    const bytes = closeSeal(keys.seal, seal);
    database.prepare('INSERT OR REPLACE INTO seal (id, sealed) VALUES (1, ?)').run(bytes);
    database.exec('COMMIT');
    return { seal, bytes };
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** What follows from the accepted rows: the indexes, and the number of live secrets. */
function deriveAnew(database: DatabaseSync): void {
  database.exec('REINDEX');
  database.exec(`UPDATE meta SET live_count = (SELECT count(*) FROM heads WHERE ${liveCondition})`);
}
