import type { DatabaseSync } from 'node:sqlite';
import { decodeHead, decodeSummary, headColumns, type Row, summaryColumns, text } from './rows.ts';
import { liveCondition } from './schema.ts';
import type { DamagedRow, SecretSummary } from './store.ts';

/** Live secrets by name, without their values. A row that cannot be read stands in the list as damaged. */
export class LiveList {
  readonly #rows;
  readonly #names;
  readonly #row;

  constructor(database: DatabaseSync) {
    const columns = [...headColumns.map(column => `heads.${column} AS head_${column}`), ...summaryColumns];
    const secrets = `SELECT ${columns.join(', ')} FROM heads %
      LEFT JOIN versions ON versions.name = heads.name AND versions.version = heads.active_version`;
    this.#rows = database.prepare(
      `${secrets.replace('%', 'INDEXED BY heads_live')}
       WHERE heads.name >= ? AND heads.name < ? AND ${liveCondition} ORDER BY heads.name LIMIT ?`,
    );
    // From the index alone: it can be whole where the table is not.
    this.#names = database.prepare(
      `SELECT name FROM heads INDEXED BY heads_live
       WHERE name >= ? AND name < ? AND ${liveCondition} ORDER BY name LIMIT ?`,
    );
    this.#row = database.prepare(`${secrets.replace('%', '')} WHERE heads.name = ? AND ${liveCondition}`);
  }

  /** From `from` (inclusive) to `to` (exclusive), ascending; empty only where there are no more. Throws SQLite's errors. */
  read(from: string, to: string, limit: number): (SecretSummary | DamagedRow<string>)[] {
    try {
      const rows = this.#rows.all(from, to, limit).map(decode);
      if (isAscending(from, rows)) return rows;
    } catch {
      // Row by row, to find the damaged ones.
    }
    return this.#readEach(from, to, limit);
  }

  #readEach(from: string, to: string, limit: number): (SecretSummary | DamagedRow<string>)[] {
    const names = this.#namesIn(from, to, limit);
    const rows = names.map(name => this.#readOne(name)).filter(row => row !== null);
    const last = names.at(-1);
    return rows.length > 0 || last === undefined ? rows : this.#readEach(`${last}\0`, to, limit);
  }

  /** Null where the secret has gone since its name was read. */
  #readOne(name: string): SecretSummary | DamagedRow<string> | null {
    try {
      const row = this.#row.get(name);
      if (row !== undefined) return decode(row);
      return this.#namesIn(name, `${name}\0`, 1).length > 0 ? { damaged: name } : null;
    } catch {
      return { damaged: name };
    }
  }

  #namesIn(from: string, to: string, limit: number): string[] {
    return this.#names.all(from, to, limit).map(row => text(row, 'name'));
  }
}

/** Without a matching version the join leaves its columns null. */
function decode(row: Row): SecretSummary {
  return { head: decodeHead(row), active: row['version'] === null ? null : decodeSummary(row) };
}

/** Names come from the table; where they do not stand as they do in the index, one is damaged. */
function isAscending(from: string, rows: readonly SecretSummary[]): boolean {
  return rows.every(({ head }, index) => head.name >= from && head.name > (rows[index - 1]?.head.name ?? ''));
}
