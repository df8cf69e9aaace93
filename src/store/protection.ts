import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { RowSet } from './row-set.ts';
import { integer } from './rows.ts';
import { entityOf } from './scan.ts';
import { schemaDifferences } from './schema-check.ts';
import type { SealFacts } from './seal-facts.ts';
import { closeSeal, type Seal, type SealKeys } from './sealing.ts';
import { type SealedTable, sealedTables } from './tables.ts';
import { WalIndex } from './wal-index.ts';

/** Where the set and its facts stood, for a part of a transaction that is taken back. */
interface Mark {
  readonly moves: number;
  readonly facts: SealFacts;
}

/** Keeps the seal in step with every row that the writer's connection changes, inside the same transaction. */
export class Protection {
  readonly #database: DatabaseSync;
  readonly #keys: SealKeys;
  readonly #walIndex: WalIndex;
  readonly #set: RowSet;
  readonly #replace;
  readonly #dataVersion;
  /** As of now, inside a transaction. */
  #facts: SealFacts;
  /** As of the last commit. */
  #committed: SealFacts;
  #stored: Uint8Array;
  #replacing: Uint8Array | null = null;
  #knownVersion: number;
  #knownCommits: number;

  /** Takes over a vault whose seal was read on this connection. */
  constructor(database: DatabaseSync, path: string, keys: SealKeys, seal: Seal, stored: Uint8Array) {
    this.#database = database;
    this.#keys = keys;
    this.#walIndex = new WalIndex(path);
    this.#set = new RowSet(keys.rowSet, seal.rows);
    const { rows: _rows, ...facts } = seal;
    this.#facts = facts;
    this.#committed = facts;
    this.#stored = stored;
    this.#replace = database.prepare('UPDATE seal SET sealed = ? WHERE id = 1 AND sealed = ?');
    this.#dataVersion = database.prepare('PRAGMA data_version');
    this.#knownVersion = this.#version();
    this.#knownCommits = this.#walIndex.commits();
    this.#install();
  }

  /** Of the last commit. */
  get facts(): SealFacts {
    return this.#committed;
  }

  /** Whether the transaction has anything to seal. */
  get isChanged(): boolean {
    return this.#set.moves > 0 || this.#facts !== this.#committed;
  }

  mark(): Mark {
    return { moves: this.#set.moves, facts: this.#facts };
  }

  rewind({ moves, facts }: Mark): void {
    this.#set.rewind(moves);
    this.#facts = facts;
  }

  announce(): void {
    this.#facts = { ...this.#facts, announced: true };
  }

  /**
   * How many commits of other connections there were since this was asked last.
   * @throws Error where they changed what the file defines, which the writer would run, or where the file was replaced
   */
  foreignCommits(): number {
    this.#walIndex.assertInPlace();
    const version = this.#version();
    if (version === this.#knownVersion) return 0;
    this.#knownVersion = version;
    const commits = this.#walIndex.commits();
    const foreign = (commits - this.#knownCommits) >>> 0;
    this.#knownCommits = commits;
    if (foreign === 0) return 0;
    const differences = schemaDifferences(this.#database);
    if (differences.length > 0)
      throw new Error(`another process changed the schema: ${differences.join(', ')}`);
    return foreign;
  }

  /**
   * Writes the seal of what the transaction leaves, as its last statement.
   * @throws Error where the vault no longer carries the seal that this writer left
   */
  seal(): void {
    this.#facts = { ...this.#facts, commits: this.#facts.commits + 1 };
    const sealed = closeSeal(this.#keys.seal, { ...this.#facts, rows: this.#set.value() });
    const { changes } = this.#replace.run(sealed, this.#stored);
    if (changes !== 1) throw new Error('another process replaced the seal of the vault');
    this.#replacing = sealed;
  }

  committed(): void {
    if (this.#replacing === null) return;
    this.#stored = this.#replacing;
    this.#replacing = null;
    this.#committed = this.#facts;
    this.#knownCommits = (this.#knownCommits + 1) >>> 0;
    this.#set.keep();
  }

  rolledBack(): void {
    this.#replacing = null;
    this.rewind({ moves: 0, facts: this.#committed });
  }

  /** After the vault's connections are closed. */
  close(): void {
    this.#walIndex.close();
  }

  #version(): number {
    return integer(this.#dataVersion.get() ?? {}, 'data_version');
  }

  /** Temporary triggers belong to this connection alone: the file stays as it is. */
  #install(): void {
    // A row that a REPLACE removes is to be seen, too.
    this.#database.exec('PRAGMA temp_store = MEMORY; PRAGMA recursive_triggers = ON');
    this.#database.function('sealed_row_added', { varargs: true }, (number, ...cells) => {
      const table = tableOf(number);
      this.#set.add(table.number, entityOf(table, cells), cells);
      this.#noteAdded(table, cells);
      return null;
    });
    this.#database.function('sealed_row_removed', { varargs: true }, (number, ...cells) => {
      const table = tableOf(number);
      this.#set.remove(table.number, entityOf(table, cells), cells);
      return null;
    });
    for (const table of sealedTables) this.#database.exec(triggersOf(table));
  }

  #noteAdded({ name }: SealedTable, cells: readonly SQLOutputValue[]): void {
    if (name === 'tokens' && !this.#facts.hadToken) this.#facts = { ...this.#facts, hadToken: true };
    if (name !== 'commits') return;
    const [seq, hash] = cells;
    if (typeof seq !== 'number' || typeof hash !== 'string' || seq <= this.#facts.lastIntent.seq) return;
    this.#facts = { ...this.#facts, lastIntent: { seq, hash } };
  }
}

function tableOf(number: SQLOutputValue | undefined): SealedTable {
  const table = sealedTables[Number(number) - 1];
  if (table === undefined) throw new Error(`there is no sealed table ${number}`);
  return table;
}

function triggersOf({ number, name, columns }: SealedTable): string {
  const cells = (row: 'OLD' | 'NEW') => [number, ...columns.map(column => `${row}.${column}`)].join(', ');
  const removed = `SELECT sealed_row_removed(${cells('OLD')});`;
  const added = `SELECT sealed_row_added(${cells('NEW')});`;
  return `
    CREATE TEMP TRIGGER ${name}_inserted AFTER INSERT ON ${name} BEGIN ${added} END;
    CREATE TEMP TRIGGER ${name}_updated AFTER UPDATE ON ${name} BEGIN ${removed} ${added} END;
    CREATE TEMP TRIGGER ${name}_deleted AFTER DELETE ON ${name} BEGIN ${removed} END;
  `;
}
