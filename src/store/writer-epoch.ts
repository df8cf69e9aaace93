import type { DatabaseSync } from 'node:sqlite';

const key = 'writer/epoch';
/** The first byte of every entry in `state`. */
const entryFormat = 1;

/**
 * Who may write: every opening for writing takes the next epoch with its first commit, which is that of its protection, and a
 * commit is refused once a later one is taken. The lock keeps a second process out; this stops one that goes on without its lock.
 * Releases that do not know the entry ignore it.
 */
export class WriterEpoch {
  readonly number: number;
  readonly #stored;
  readonly #store;
  #isTaken = false;

  constructor(database: DatabaseSync) {
    this.#stored = database.prepare('SELECT value FROM state WHERE key = ?');
    this.#store = database.prepare(
      'INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    );
    this.number = this.#read() + 1;
  }

  /**
   * To be called in every transaction, once it holds the database's write lock. Takes the epoch where it is not taken yet.
   * @throws Error when another process has opened the vault for writing since
   */
  hold(): void {
    const found = this.#read();
    if (found !== (this.#isTaken ? this.number : this.number - 1)) {
      throw new Error(
        `another process has opened the vault for writing: its writer epoch is ${found}, and this process has ${this.number}`,
      );
    }
    if (!this.#isTaken) this.#store.run(key, encode(this.number));
  }

  /** To be called when such a transaction is durable. */
  confirm(): void {
    this.#isTaken = true;
  }

  /** @throws Error when the entry is damaged */
  #read(): number {
    const value = this.#stored.get(key)?.['value'];
    return value === undefined ? 0 : decode(value);
  }
}

function encode(epoch: number): Uint8Array {
  return Buffer.from([entryFormat, ...Buffer.from(String(epoch))]);
}

function decode(value: unknown): number {
  const bytes = value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0);
  const text = bytes.toString('latin1', 1);
  if (bytes[0] === entryFormat && /^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new Error('the entry writer/epoch of the vault is damaged');
}
