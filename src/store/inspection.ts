import type { DatabaseSync } from 'node:sqlite';
import { openForReading } from './database.ts';
import { Reader } from './reader.ts';
import { groupOf, RowSet, type SetValue } from './row-set.ts';
import { decodeVersion, integer, type Row, text, versionColumns } from './rows.ts';
import { entityOf, scanTable } from './scan.ts';
import { liveCondition } from './schema.ts';
import { schemaDifferences } from './schema-check.ts';
import { acceptanceId, type Seal, type SealKeys } from './sealing.ts';
import type { SecretVersion } from './store.ts';
import { type SealedTable, sealedTables } from './tables.ts';
import { readSeal } from './vault-seal.ts';

const versionsOfName = `SELECT ${versionColumns.join(', ')} FROM versions WHERE name = ? ORDER BY version`;

/** How the rows of a vault differ from its seal. */
export interface SealComparison {
  readonly found: 'sealed' | 'none' | 'unreadable';
  /** Null where there is none that opens. */
  readonly seal: Seal | null;
  /** Of secrets and tokens. */
  readonly rows: number;
  /** Tables with other rows than the sealed ones, and how many more. */
  readonly tables: readonly { readonly name: string; readonly more: number }[];
  /** Groups of names and token ids that have other rows; see `groupOf`. */
  readonly groups: readonly number[];
  /** What the file defines that it should not, or the other way round. */
  readonly schema: readonly string[];
  /** Names the rows as they are, for an operator to accept. */
  readonly id: string;
}

/** A look at the whole vault on a connection of its own, beside a service that may be writing. Throws what SQLite throws. */
export class Inspection {
  readonly reader: Reader;
  readonly #database: DatabaseSync;

  /** @throws StoreError */
  constructor(path: string) {
    this.#database = openForReading(path);
    this.reader = new Reader(this.#database);
  }

  close(): void {
    this.#database.close();
  }

  /** What `work` reads is of one moment. */
  atOneMoment<T>(work: () => T): T {
    this.#database.exec('BEGIN');
    try {
      return work();
    } finally {
      this.#database.exec('ROLLBACK');
    }
  }

  /** Compares all rows with the seal, as of one moment; yields the rows of each slice. */
  *compareWithSeal(keys: SealKeys): Generator<number, SealComparison> {
    this.#database.exec('BEGIN');
    try {
      const found = readSeal(this.#database, keys);
      const schema = schemaDifferences(this.#database);
      const set = new RowSet(keys.rowSet);
      for (const table of sealedTables) yield* scanTable(this.#database, table, set);
      const now = set.value();
      const seal = found.kind === 'sealed' ? found.seal : null;
      return {
        found: found.kind,
        seal,
        rows: sealedTables.reduce(
          (sum, { hasEntity }, index) => sum + (hasEntity ? (now.tables[index]?.rows ?? 0) : 0),
          0,
        ),
        ...(seal === null ? { tables: [], groups: [] } : differences(seal.rows, now)),
        schema: found.kind === 'none' ? schema.filter(line => line !== 'the table seal is missing') : schema,
        id: acceptanceId(keys, now),
      };
    } finally {
      this.#database.exec('ROLLBACK');
    }
  }

  /** The secret names and token ids of the groups. */
  entitiesOf(groups: readonly number[]): { readonly table: string; readonly entity: string }[] {
    const wanted = new Set(groups);
    return sealedTables
      .filter(({ name }) => name === 'heads' || name === 'tokens')
      .flatMap(table => this.#entities(table).map(entity => ({ table: table.name, entity })))
      .filter(({ entity }) => wanted.has(groupOf(entity)));
  }

  /** So many names of heads after a row, in the order of the table itself. */
  namesAfter(rowid: number, limit: number): { readonly rowid: number; readonly name: string }[] {
    const rows: Row[] = this.#database
      .prepare('SELECT rowid, name FROM heads NOT INDEXED WHERE rowid > ? ORDER BY rowid LIMIT ?')
      .all(rowid, limit);
    return rows.map(row => ({ rowid: integer(row, 'rowid'), name: text(row, 'name') }));
  }

  /** All versions of a name with their values, ascending. @throws StoreError where one is damaged */
  versionsOf(name: string): SecretVersion[] {
    return this.#database.prepare(versionsOfName).all(name).map(decodeVersion);
  }

  /** Names that have versions and no head. */
  namesWithoutHead(): string[] {
    const rows: Row[] = this.#database
      .prepare('SELECT DISTINCT name FROM versions WHERE name NOT IN (SELECT name FROM heads NOT INDEXED)')
      .all();
    return rows.map(row => text(row, 'name'));
  }

  tokenIds(): string[] {
    const rows: Row[] = this.#database.prepare('SELECT id FROM tokens NOT INDEXED').all();
    return rows.map(row => text(row, 'id'));
  }

  /** The live secrets, counted in the table, through each index that lists them, and as the vault keeps the number. */
  liveCounts(): Record<string, number> {
    const counted = (source: string) =>
      integer(
        this.#database.prepare(`SELECT count(*) AS n FROM heads ${source} WHERE ${liveCondition}`).get() ??
          {},
        'n',
      );
    return {
      'the table': counted('NOT INDEXED'),
      'the index heads_live': counted('INDEXED BY heads_live'),
      'the index heads_overdue': counted('INDEXED BY heads_overdue'),
      'the number kept': this.reader.liveCount(),
    };
  }

  /** What SQLite finds wrong with tables, indexes and pages; the first hundred. */
  integrityProblems(): string[] {
    const rows: Row[] = this.#database.prepare('PRAGMA integrity_check(100)').all();
    return rows.map(row => text(row, 'integrity_check')).filter(line => line !== 'ok');
  }

  /** The groups of the rows that the problems say an index lacks. */
  groupsMissing(problems: readonly string[]): number[] {
    const groups = problems.flatMap(problem => {
      const [, rowid, index] = /^row (\d+) missing from index (\S+)$/.exec(problem) ?? [];
      const table = sealedTables.find(
        ({ hasEntity, name }) => hasEntity && this.#indexesOf(name).includes(index ?? ''),
      );
      if (rowid === undefined || table === undefined) return [];
      const row: Row | undefined = this.#database
        .prepare(`SELECT ${table.columns[0]} AS entity FROM ${table.name} NOT INDEXED WHERE rowid = ?`)
        .get(Number(rowid));
      return row === undefined ? [] : [groupOf(text(row, 'entity'))];
    });
    return [...new Set(groups)];
  }

  #indexesOf(table: string): string[] {
    const rows: Row[] = this.#database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?")
      .all(table);
    return rows.map(row => text(row, 'name'));
  }

  #entities(table: SealedTable): string[] {
    const rows = this.#database.prepare(`SELECT ${table.columns[0]} FROM ${table.name} NOT INDEXED`);
    rows.setReturnArrays(true);
    return rows.all().map(row => entityOf(table, row as unknown as string[]) ?? '');
  }
}

function differences(sealed: SetValue, now: SetValue): Pick<SealComparison, 'tables' | 'groups'> {
  const tables = sealedTables.flatMap(({ name }, index) => {
    const [was, is] = [sealed.tables[index], now.tables[index]];
    if (was === undefined || is === undefined || (was.sum === is.sum && was.rows === is.rows)) return [];
    return [{ name, more: is.rows - was.rows }];
  });
  const groups = [...now.groups.keys()].filter(group => now.groups[group] !== sealed.groups[group]);
  return { tables, groups };
}
