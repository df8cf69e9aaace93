import type { KeyObject } from 'node:crypto';
import type { ChainPosition } from './chain.ts';
import type { OpenIntents } from './intents.ts';
import type { AuditRegistry } from './registry.ts';
import type { SegmentWriter } from './segment.ts';
import type { Prove } from './structure.ts';

/** What the log tells of itself. Structural records are not counted. */
export interface AuditMetrics {
  auditRecordsWritten(count: number): void;
  auditRecordsFailed(count: number): void;
  /** From the write of a batch to the end of its fsync. */
  auditFlushed(seconds: number): void;
  /** Somebody else has changed files of the log. */
  auditFilesChanged(): void;
}

export interface LogSettings {
  readonly folder: string;
  readonly registry: AuditRegistry;
  /** Makes an Ed25519 signature with the vault's key. */
  readonly sign: (data: Uint8Array) => Uint8Array;
  /** Makes the tag of a proof with the vault's key. */
  readonly prove: Prove;
  /** `always`: every record waits for its fsync. `changes`: reads wait for the write, and the fsync follows in a second. */
  readonly sync: 'always' | 'changes';
  /** A segment that has reached this size, in bytes, is followed by a new one. */
  readonly segmentBytes: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly metrics: AuditMetrics;
  /** Is told, once each, what somebody else has done to the files, and what to do. */
  readonly report: (message: string) => void;
}

export interface AuditLogOptions extends LogSettings {
  readonly vaultId: string;
  /** Of the key that `sign` uses. */
  readonly publicKey: KeyObject;
}

/** Where the log stands when it is opened; `segment` is null when a new one has to be opened first. */
export interface LogStart {
  readonly tip: ChainPosition;
  /** What the record at the tip says of the time, in milliseconds since the epoch; null where there is no record. */
  readonly tipTime: number | null;
  readonly lastFile: string | null;
  /** The first record of the last segment; 0 where there is none. */
  readonly lastFirstSeq: number;
  readonly segment: SegmentWriter | null;
  readonly intents: OpenIntents;
}
