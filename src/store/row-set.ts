/**
 * A keyed hash of all rows of the vault that a commit can move on: per table the sum modulo 2^256 of a pseudorandom
 * function of each row (MSet-Add-Hash: Clarke et al., "Incremental Multiset Hash Functions and Their Application to
 * Memory Integrity Checking", ASIACRYPT 2003). The sums must stay secret: see `sealing.ts`. docs/FORMAT.md has the bytes.
 */
import { hash, type KeyObject } from 'node:crypto';
import type { SQLOutputValue } from 'node:sqlite';
import { type TableNumber, tableNumbers } from './tables.ts';

/** Names of secrets and ids of tokens fall into so many groups, each with a sum of its own, so that a difference has a place. */
export const groupCount = 256;

const blockBytes = 64;
const digestBytes = 32;

/** HMAC-SHA-256 of a row (RFC 2104), made of two plain hashes, which is faster than a Hmac object for short rows. */
class RowFunction {
  readonly #outer: Buffer;
  readonly #key: Buffer;
  #inner: Buffer;

  constructor(key: KeyObject) {
    this.#key = key.export();
    this.#inner = padded(this.#key, 0x36, 4096);
    this.#outer = padded(this.#key, 0x5c, digestBytes);
  }

  of(table: TableNumber, cells: readonly SQLOutputValue[]): bigint {
    const end = this.#encode(table, cells);
    this.#outer.write(hash('sha256', this.#inner.subarray(0, end), 'hex'), blockBytes, 'hex');
    return BigInt(`0x${hash('sha256', this.#outer, 'hex')}`);
  }

  /** The number of the table, then each cell with its type and length; returns where the encoding ends. */
  #encode(table: TableNumber, cells: readonly SQLOutputValue[]): number {
    this.#reserve(cells);
    const bytes = this.#inner;
    let at = bytes.writeUInt8(table, blockBytes);
    for (const cell of cells) {
      if (cell === null) {
        at = bytes.writeUInt8(0, at);
      } else if (typeof cell === 'number') {
        at = bytes.writeDoubleBE(cell, bytes.writeUInt8(1, at));
      } else if (typeof cell === 'string') {
        const length = bytes.write(cell, at + 5, 'utf8');
        bytes.writeUInt32BE(length, bytes.writeUInt8(2, at));
        at += 5 + length;
      } else if (typeof cell === 'bigint') {
        throw new RangeError('a number of the row is larger than any that the vault writes');
      } else {
        at = bytes.writeUInt32BE(cell.length, bytes.writeUInt8(3, at));
        bytes.set(cell, at);
        at += cell.length;
      }
    }
    return at;
  }

  #reserve(cells: readonly SQLOutputValue[]): void {
    let most = blockBytes + 1;
    for (const cell of cells) {
      most += 9;
      if (typeof cell === 'string') most += cell.length * 3;
      else if (cell instanceof Uint8Array) most += cell.length;
    }
    if (most > this.#inner.length) this.#inner = padded(this.#key, 0x36, most);
  }
}

function padded(key: Uint8Array, pad: number, room: number): Buffer {
  const bytes = Buffer.alloc(blockBytes + room, 0);
  for (let index = 0; index < blockBytes; index++) bytes[index] = (key[index] ?? 0) ^ pad;
  return bytes;
}

/** The sums as they are stored. */
export interface SetValue {
  /** One per table, in the order of `tableNumbers`. */
  readonly tables: readonly { readonly rows: number; readonly sum: bigint }[];
  /** The low 64 bits of the rows of each group, summed. */
  readonly groups: BigUint64Array;
}

/** One row that came or went. */
interface Move {
  readonly table: TableNumber;
  readonly group: number | null;
  readonly element: bigint;
  readonly rows: 1 | -1;
}

/** The sums of a set of rows that changes. */
export class RowSet {
  readonly #function: RowFunction;
  readonly #rows = tableNumbers.map(() => 0);
  readonly #sums = tableNumbers.map(() => 0n);
  readonly #groups = new BigUint64Array(groupCount);
  #moves: Move[] = [];

  constructor(key: KeyObject, start?: SetValue) {
    this.#function = new RowFunction(key);
    if (start === undefined) return;
    for (const [index, { rows, sum }] of start.tables.entries()) {
      this.#rows[index] = rows;
      this.#sums[index] = sum;
    }
    this.#groups.set(start.groups);
  }

  /** @param entity the name or id that the row belongs to; null where it belongs to the vault as a whole */
  add(table: TableNumber, entity: string | null, cells: readonly SQLOutputValue[]): void {
    this.#note(table, entity, cells, 1);
  }

  remove(table: TableNumber, entity: string | null, cells: readonly SQLOutputValue[]): void {
    this.#note(table, entity, cells, -1);
  }

  /** How many moves there were since the last `keep`. */
  get moves(): number {
    return this.#moves.length;
  }

  /** Takes back every move after the first so many. */
  rewind(moves: number): void {
    for (const move of this.#moves.splice(moves)) {
      this.#apply({ ...move, element: -move.element, rows: move.rows === 1 ? -1 : 1 });
    }
  }

  /** Makes the moves so far final. */
  keep(): void {
    this.#moves = [];
  }

  value(): SetValue {
    return {
      tables: tableNumbers.map((_, index) => ({
        rows: this.#rows[index] ?? 0,
        sum: this.#sums[index] ?? 0n,
      })),
      groups: this.#groups.slice(),
    };
  }

  #note(table: TableNumber, entity: string | null, cells: readonly SQLOutputValue[], rows: 1 | -1): void {
    const element = this.#function.of(table, cells);
    const move: Move = {
      table,
      group: entity === null ? null : groupOf(entity),
      element: rows === 1 ? element : -element,
      rows,
    };
    this.#apply(move);
    this.#moves.push(move);
  }

  #apply({ table, group, element, rows }: Move): void {
    const index = table - 1;
    this.#rows[index] = (this.#rows[index] ?? 0) + rows;
    this.#sums[index] = BigInt.asUintN(256, (this.#sums[index] ?? 0n) + element);
    if (group !== null) this.#groups[group] = BigInt.asUintN(64, (this.#groups[group] ?? 0n) + element);
  }
}

/** FNV-1a over the UTF-16 code units, modulo the number of groups: a place, not a proof. */
export function groupOf(entity: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < entity.length; index++) {
    sum = Math.imul(sum ^ entity.charCodeAt(index), 0x01000193);
  }
  return (sum ^ (sum >>> 16)) & (groupCount - 1);
}
