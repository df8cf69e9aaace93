/** The tables whose rows the seal covers, by the number that stands for each in the hash of a row. */
import { headColumns, tokenColumns, versionColumns } from './rows.ts';

export const tableNumbers = [1, 2, 3, 4, 5, 6, 7] as const;
export type TableNumber = (typeof tableNumbers)[number];

export interface SealedTable {
  readonly number: TableNumber;
  readonly name: string;
  /** All of them. */
  readonly columns: readonly string[];
  /** Whether the first column names the secret or token that a row belongs to. */
  readonly hasEntity: boolean;
}

/** In the order of their numbers. */
export const sealedTables: readonly SealedTable[] = [
  { number: 1, name: 'heads', columns: [...headColumns, 'active_created_at'], hasEntity: true },
  { number: 2, name: 'versions', columns: versionColumns, hasEntity: true },
  { number: 3, name: 'tokens', columns: tokenColumns, hasEntity: true },
  { number: 4, name: 'commits', columns: ['intent_seq', 'intent_hash', 'op_id'], hasEntity: false },
  { number: 5, name: 'audit_segments', columns: ['first_seq', 'file', 'previous_hash'], hasEntity: false },
  { number: 6, name: 'meta', columns: ['id', 'live_count', 'noted_seq', 'noted_hash'], hasEntity: false },
  { number: 7, name: 'state', columns: ['key', 'value'], hasEntity: false },
];
