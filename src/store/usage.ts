import type { DatabaseSync } from 'node:sqlite';
import { integer, type Row, reading, text } from './rows.ts';
import type { NameUsage } from './store.ts';

const bytesOfVersions =
  '(SELECT coalesce(sum(length(sealed)), 0) FROM versions WHERE versions.name = heads.name)';
const countOfVersions = '(SELECT count(*) FROM versions WHERE versions.name = heads.name)';

/** What names take in the vault. It reads sizes, never values. All of it throws StoreError `failed`. */
export class UsageReader {
  readonly #page;
  readonly #one;
  readonly #versions;
  readonly #destroyed;

  constructor(database: DatabaseSync) {
    const select = `SELECT name, purged, length(metadata) AS metadata, ${bytesOfVersions} AS bytes,
      ${countOfVersions} AS versions FROM heads`;
    this.#page = database.prepare(`${select} WHERE name >= ? AND name < ? ORDER BY name LIMIT ?`);
    this.#one = database.prepare(`${select} WHERE name = ?`);
    this.#versions = database.prepare('SELECT count(*) AS versions FROM versions WHERE name = ?');
    this.#destroyed = database.prepare(
      'SELECT version FROM versions WHERE name = ? AND sealed IS NULL ORDER BY version LIMIT ?',
    );
  }

  /** Names that begin with `beginning` and come after `after`, ascending. */
  names(beginning: string, after: string, limit: number): NameUsage[] {
    // The least string after `after` is itself with a NUL.
    const from = after === '' ? beginning : `${after}\0`;
    return reading(() => this.#page.all(from, `${beginning}\u{10FFFF}`, limit).map(decodeUsage));
  }

  of(name: string): NameUsage | null {
    const row = reading(() => this.#one.get(name));
    return row === undefined ? null : decodeUsage(row);
  }

  versions(name: string): number {
    return reading(() => integer(this.#versions.get(name) ?? {}, 'versions'));
  }

  /** The oldest versions that were destroyed. */
  destroyedVersions(name: string, limit: number): number[] {
    return reading(() => this.#destroyed.all(name, limit).map(row => integer(row, 'version')));
  }
}

function decodeUsage(row: Row): NameUsage {
  return {
    name: text(row, 'name'),
    exists: integer(row, 'purged') === 0,
    versions: integer(row, 'versions'),
    bytes: integer(row, 'bytes') + integer(row, 'metadata'),
  };
}
