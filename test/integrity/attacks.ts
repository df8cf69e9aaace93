/** What somebody does who can write to the vault's file, has old copies of it, and has no key. */
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { sealedTables } from '../../src/store/tables.ts';
import type { History } from './history.ts';

export interface Attack {
  readonly name: string;
  /** On the vault's file, which nobody else has open, or beside the service. */
  readonly run: (database: DatabaseSync) => void;
  /** The rows agree with their seal: it takes the indexes, or the log, to see it. */
  readonly agrees?: boolean;
}

type Row = Record<string, SQLInputValue>;

const keys: Readonly<Record<string, readonly string[]>> = {
  heads: ['name'],
  versions: ['name', 'version'],
  tokens: ['id'],
  commits: ['intent_seq'],
  audit_segments: ['first_seq'],
  meta: ['id'],
  state: ['key'],
  seal: ['id'],
};

/** Every row of every table: removed, exchanged with another, put back as it was at each earlier moment; and old rows added. */
export function attacksOnRows({ installation, moments }: History): Attack[] {
  const now = rowsOf(join(installation.folder, 'data/vault.db'));
  const past = moments.slice(0, -1).map(moment => rowsOf(join(moment, 'vault.db')));
  return Object.keys(keys).flatMap(table => {
    const rows = now.get(table) ?? [];
    return [
      ...rows.map(row => removal(table, row)),
      ...rows.flatMap((row, index) => exchange(table, row, rows[index + 1])),
      ...past.flatMap((moment, index) => replays(table, rows, moment.get(table) ?? [], index)),
    ];
  });
}

/** What takes more than a row. */
export function combinedAttacks({ moments }: History): Attack[] {
  const back =
    (tables: readonly string[], moment: number, where = '1') =>
    (database: DatabaseSync) => {
      database.exec(`ATTACH '${join(moments[moment] ?? '', 'vault.db')}' AS old`);
      for (const table of tables) {
        database.exec(`DELETE FROM main.${table} WHERE ${where}`);
        database.exec(`INSERT OR REPLACE INTO main.${table} SELECT * FROM old.${table} WHERE ${where}`);
      }
      database.exec('DETACH old');
    };
  const all = sealedTables.map(({ name }) => name);
  return [
    {
      name: 'a secret is put back, head and versions together',
      run: back(['heads', 'versions'], 0, "name = 'app/db'"),
    },
    { name: 'a deleted secret returns', run: back(['heads'], 1, "name = 'app/deleted'") },
    { name: 'a purged secret returns', run: back(['heads', 'versions'], 2, "name = 'app/purged'") },
    { name: 'a destroyed version is readable again', run: back(['versions'], 1, "name = 'app/kept'") },
    {
      name: 'a secret is removed, head and versions together',
      run: database =>
        database.exec("DELETE FROM heads WHERE name = 'app/db'; DELETE FROM versions WHERE name = 'app/db'"),
    },
    { name: 'all tokens are removed', run: database => database.exec('DELETE FROM tokens') },
    { name: 'all tokens are put back', run: back(['tokens'], 1) },
    { name: 'all secrets are put back', run: back(['heads', 'versions'], 2) },
    { name: 'all rows but the seal are put back', run: back(all, 2) },
    {
      name: 'all rows and the seal are put back, one by one',
      run: back([...all, 'seal'], 2),
      agrees: true,
    },
    { name: 'the seal is put back', run: back(['seal'], 3) },
    { name: 'the seal is taken away', run: database => database.exec('DROP TABLE seal') },
    {
      name: 'all rows are put back, and the seal is taken away',
      run: database => {
        back(all, 2)(database);
        database.exec('DROP TABLE seal');
      },
    },
    {
      name: 'a trigger waits',
      run: database =>
        database.exec('CREATE TRIGGER waits AFTER INSERT ON commits BEGIN DELETE FROM tokens; END'),
    },
    { name: 'an index is taken away', run: database => database.exec('DROP INDEX heads_due') },
    { name: 'an index loses a row', run: blindIndex, agrees: true },
    {
      name: 'one byte of a value is changed',
      run: database =>
        database.exec(
          "UPDATE versions SET sealed = CAST(substr(sealed, 1, 14) || x'00' || substr(sealed, 16) AS BLOB) WHERE name = 'app/db'",
        ),
    },
  ];
}

/** The table has the row, and the index does not: reads by the index miss it. */
function blindIndex(database: DatabaseSync): void {
  database.enableDefensive(false);
  database.exec("CREATE TEMP TABLE kept AS SELECT * FROM heads WHERE name = 'app/late'");
  database.exec("DELETE FROM heads WHERE name = 'app/late'");
  const index = database.prepare("SELECT * FROM sqlite_schema WHERE name = 'heads_live'").get() ?? {};
  database.exec('PRAGMA writable_schema = ON');
  database.exec("DELETE FROM sqlite_schema WHERE name = 'heads_live'");
  database.exec('PRAGMA writable_schema = RESET');
  database.exec('INSERT INTO heads SELECT * FROM kept');
  database.exec('PRAGMA writable_schema = ON');
  insert(database, 'sqlite_schema', index);
  database.exec('PRAGMA writable_schema = RESET');
}

function rowsOf(path: string): Map<string, Row[]> {
  const database = new DatabaseSync(path);
  try {
    return new Map(
      Object.keys(keys).map(table => [table, database.prepare(`SELECT * FROM ${table}`).all() as Row[]]),
    );
  } finally {
    database.close();
  }
}

function removal(table: string, row: Row): Attack {
  const name = `a row of ${table} is removed: ${label(table, row)}`;
  return { name, run: database => void remove(database, table, row) };
}

/** Everything but the key. */
function exchange(table: string, row: Row, other: Row | undefined): Attack[] {
  if (other === undefined) return [];
  const own = keys[table] ?? [];
  const swapped = (a: Row, b: Row) => ({
    ...b,
    ...Object.fromEntries(own.map(key => [key, a[key] ?? null])),
  });
  const name = `two rows of ${table} are exchanged: ${label(table, row)} and ${label(table, other)}`;
  const run = (database: DatabaseSync) => {
    for (const gone of [row, other]) remove(database, table, gone);
    for (const put of [swapped(row, other), swapped(other, row)]) insert(database, table, put);
  };
  return [{ name, run }];
}

function replays(table: string, now: readonly Row[], past: readonly Row[], moment: number): Attack[] {
  return past.flatMap(old => {
    const current = now.find(row => label(table, row) === label(table, old));
    if (current !== undefined && same(current, old)) return [];
    const kind = current === undefined ? 'is added' : 'is put back';
    const run = (database: DatabaseSync) => {
      if (current !== undefined) remove(database, table, current);
      insert(database, table, old);
    };
    return [{ name: `an old row of ${table} ${kind}: ${label(table, old)} of moment ${moment}`, run }];
  });
}

function remove(database: DatabaseSync, table: string, row: Row): void {
  const own = keys[table] ?? [];
  const where = own.map(key => `${key} = ?`).join(' AND ');
  database.prepare(`DELETE FROM ${table} WHERE ${where}`).run(...own.map(key => row[key] ?? null));
}

function insert(database: DatabaseSync, table: string, row: Row): void {
  const columns = Object.keys(row);
  const values = columns.map(() => '?').join(', ');
  database
    .prepare(`INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${values})`)
    .run(...Object.values(row));
}

function label(table: string, row: Row): string {
  return (keys[table] ?? []).map(key => row[key]).join(' ');
}

function same(a: Row, b: Row): boolean {
  return JSON.stringify(Object.values(a).map(String)) === JSON.stringify(Object.values(b).map(String));
}
