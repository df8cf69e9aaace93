/** What the store and its writer thread say to each other. Everything here survives a structured clone. */

import type { SQLInputValue } from 'node:sqlite';
import type { FileChanges } from './database.ts';
import type { ProtectionFound, SealStart } from './seal-facts.ts';
import type { SealKeys } from './sealing.ts';
import type { AuditPosition, AuditSegment, Operation, StoreFailure, VaultStatistics } from './store.ts';

export interface WriterOptions extends FileChanges {
  readonly path: string;
  /** Whether anything is to be written; without it no writer epoch is taken. */
  readonly write: boolean;
}

/** A `Change` as rows. */
export interface RowChange {
  readonly name: string;
  readonly expectedRevision: number;
  readonly live: boolean;
  readonly head: SQLInputValue[];
  readonly versions: SQLInputValue[][];
  readonly dropVersions: boolean;
  readonly dropped: readonly number[];
}

export type WriteRequest =
  | { readonly kind: 'commit'; readonly changes: RowChange[]; readonly operation: Operation }
  | {
      readonly kind: 'commitTokens';
      readonly put: SQLInputValue[][];
      readonly drop: readonly string[];
      readonly operation: Operation | null;
    }
  | { readonly kind: 'putState'; readonly entries: [key: string, value: Uint8Array][] }
  | { readonly kind: 'noteAudit'; readonly position: AuditPosition; readonly segment: AuditSegment | null }
  | {
      readonly kind: 'reviseAudit';
      readonly position: AuditPosition;
      readonly add: readonly AuditSegment[];
      readonly drop: readonly string[];
    }
  /** Notes that the audit log says that the vault is sealed. */
  | { readonly kind: 'announceSeal' }
  /** Writes something of no meaning, durably: proof that the disk takes writes. */
  | { readonly kind: 'touch' };

export type WriterRequest =
  | WriteRequest
  | { readonly kind: 'statistics'; readonly now: number }
  /** From here on each commit moves the seal on; `seal` makes one where there is none. */
  | { readonly kind: 'protect'; readonly keys: SealKeys; readonly seal: SealStart | null }
  /** Has destroyed values leave the files. */
  | { readonly kind: 'erase' };

const notWrites: ReadonlySet<WriterRequest['kind']> = new Set(['statistics', 'protect', 'erase']);

export function isWrite(request: WriterRequest): request is WriteRequest {
  return !notWrites.has(request.kind);
}

export interface Failure {
  readonly kind: 'failure';
  readonly failure: StoreFailure;
  readonly message: string;
}

export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'statistics'; readonly statistics: VaultStatistics }
  | { readonly kind: 'protect'; readonly found: ProtectionFound }
  | { readonly kind: 'erase'; readonly isDone: boolean }
  | Failure;

/** What the writer did with a batch of requests. */
export interface BatchReport {
  readonly kind: 'batch';
  /** One for each request, in their order. */
  readonly answers: Answer[];
  /** How long the transaction took, in seconds; null where none was committed. */
  readonly seconds: number | null;
  readonly liveCount: number;
  /** Of the vault, as its seal counts them; null while it is not protected. */
  readonly sealedCommits: number | null;
}

export type WriterReport =
  | {
      readonly kind: 'opened';
      readonly liveCount: number;
      /** Null where nothing is to be written. */
      readonly writerEpoch: number | null;
    }
  | { readonly kind: 'refused'; readonly message: string; readonly isTemporary: boolean }
  | BatchReport
  /** Another process has committed to the vault. */
  | { readonly kind: 'foreign'; readonly commits: number }
  /** The writer can no longer be trusted, and says nothing more. */
  | { readonly kind: 'fatal'; readonly message: string };

/** Batches of requests, and at the end `close`. */
export type WriterMessage = WriterRequest[] | 'close';
