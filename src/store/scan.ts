import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { RowSet } from './row-set.ts';
import type { SealedTable } from './tables.ts';

/** Rows between two yields. */
const rowsPerSlice = 500;

/**
 * Adds every row of a table to the set, and yields how many after each slice. Reads the table itself and no index, so
 * that an index that lacks a row hides nothing.
 */
export function* scanTable(database: DatabaseSync, table: SealedTable, set: RowSet): Generator<number> {
  const rows = database.prepare(`SELECT ${table.columns.join(', ')} FROM ${table.name} NOT INDEXED`);
  rows.setReturnArrays(true);
  let count = 0;
  for (const row of rows.iterate()) {
    const cells = row as unknown as SQLOutputValue[];
    set.add(table.number, entityOf(table, cells), cells);
    count += 1;
    if (count % rowsPerSlice === 0) {
      set.keep();
      yield rowsPerSlice;
    }
  }
  set.keep();
  yield count % rowsPerSlice;
}

/** The name of the secret, or the id of the token, that a row belongs to. */
export function entityOf(table: SealedTable, cells: readonly SQLOutputValue[]): string | null {
  return table.hasEntity ? String(cells[0]) : null;
}
