/** The records that hold the log itself together; they are links of the chain, but no audit events. */
import { hash, type KeyObject, verify } from 'node:crypto';
import type { ChainPosition } from './chain.ts';
import { type AuditEntry, auditEntry } from './record.ts';

/** Says which vault, and which key, a log belongs to. */
export interface LogIdentity {
  readonly vaultId: string;
  /** Of the signing key: SHA-256 of its public key as SPKI DER, in lower-case hexadecimal. */
  readonly fingerprint: string;
}

const structuralEvents: ReadonlySet<string> = new Set(['segment_opened', 'checkpoint', 'torn_tail']);

export function isStructural(event: string): boolean {
  return structuralEvents.has(event);
}

const segmentFilePattern = /^audit-[0-9]{16}\.jsonl$/;

/** The name of the segment whose first record is `firstSeq`; names sort as the segments follow one another. */
export function segmentFile(firstSeq: number): string {
  return `audit-${String(firstSeq).padStart(16, '0')}.jsonl`;
}

export function isSegmentFile(name: string): boolean {
  return segmentFilePattern.test(name);
}

export function keyFingerprint(publicKey: KeyObject): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'hex');
}

/** First record of every segment. `intentsFrom` is the oldest intent that had no outcome yet, or the record itself. */
export function segmentOpened(
  identity: LogIdentity,
  follows: string | null,
  intentsFrom: number,
): AuditEntry {
  return auditEntry({
    event: 'segment_opened',
    detail: {
      format: 1,
      vault_id: identity.vaultId,
      key: identity.fingerprint,
      follows: follows ?? '',
      intents_from: intentsFrom,
    },
  });
}

/** A signature over the chain up to and including `position`, the record before the checkpoint. */
export function checkpoint(signature: Uint8Array): AuditEntry {
  return auditEntry({
    event: 'checkpoint',
    detail: { signature: Buffer.from(signature).toString('base64') },
  });
}

/** Says that the end of `file` was not a record and now is in `keptAs`. */
export function tornTail(file: string, bytes: number, keptAs: string): AuditEntry {
  return auditEntry({ event: 'torn_tail', detail: { file, bytes, kept_as: keptAs } });
}

/** The bytes that a checkpoint signs with Ed25519 (RFC 8032). */
export function checkpointMessage(vaultId: string, position: ChainPosition): Uint8Array {
  return Buffer.from(
    `jarvis-secretsd audit checkpoint 1\n${vaultId}\n${position.seq}\n${position.hash}\n`,
    'utf8',
  );
}

export function isSignedBy(
  publicKey: KeyObject,
  vaultId: string,
  previous: ChainPosition,
  entry: AuditEntry,
): boolean {
  const signature = entry.detail?.['signature'];
  if (typeof signature !== 'string') return false;
  return verify(null, checkpointMessage(vaultId, previous), publicKey, Buffer.from(signature, 'base64'));
}

/** Why a segment's first record does not belong to the log; null when it does. */
export function headerProblem(
  entry: AuditEntry,
  identity: LogIdentity,
  follows: string | null,
): string | null {
  if (entry.event !== 'segment_opened') return 'the segment does not begin with segment_opened';
  if (entry.detail?.['vault_id'] !== identity.vaultId) return 'the segment belongs to another vault';
  if (entry.detail?.['key'] !== identity.fingerprint) return 'the segment names another signing key';
  if (entry.detail?.['follows'] !== (follows ?? '')) {
    return `the segment does not follow ${follows ?? 'nothing, although it is the first'}`;
  }
  return null;
}
