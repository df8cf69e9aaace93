/** The records that hold the log itself together; they are links of the chain, but no audit events. */
import { hash, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import type { ChainPosition } from './chain.ts';
import { type AuditEntry, auditEntry } from './record.ts';

/** Says which vault, and which key, a log belongs to. */
export interface LogIdentity {
  readonly vaultId: string;
  /** Of the signing key: SHA-256 of its public key as SPKI DER, in lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** Says that an operator accepted the vault as it is: what the log says of rows before it does not count any more. */
export const acceptanceEvent = 'vault_accepted';

const structuralEvents: ReadonlySet<string> = new Set([
  'segment_opened',
  'checkpoint',
  'proof',
  'intent_restated',
  'torn_tail',
  'unproven_tail',
  acceptanceEvent,
]);

/** Makes a tag with the vault's proof key: HMAC-SHA-256 (RFC 2104). */
export type Prove = (data: Uint8Array) => Uint8Array;

/** What a segment says of its proofs; the segments of releases before 0.2.1 say nothing, and have none. */
const proofAlgorithm = 'hmac-sha256';

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
      proofs: proofAlgorithm,
    },
  });
}

/** Whether every record of a segment with this header is followed by a proof or a checkpoint. */
export function announcesProofs(header: AuditEntry): boolean {
  return header.detail?.['proofs'] === proofAlgorithm;
}

/** How many commits the vault has at a checkpoint, and a tag over the number and its place. */
export interface CommitCount {
  readonly commits: number;
  readonly tag: Uint8Array;
}

/**
 * A signature over the chain up to and including `position`, the record before the checkpoint.
 * @param counted shows an older vault; null where the vault has no seal
 */
export function checkpoint(signature: Uint8Array, counted: CommitCount | null): AuditEntry {
  return auditEntry({
    event: 'checkpoint',
    detail: {
      signature: Buffer.from(signature).toString('base64'),
      ...(counted === null
        ? {}
        : { commits: counted.commits, commits_tag: Buffer.from(counted.tag).toString('base64') }),
    },
  });
}

/** The commits that a record says the vault had; null where it says nothing. */
export function commitsIn({ event, detail }: AuditEntry): number | null {
  const commits = event === 'checkpoint' ? detail?.['commits'] : undefined;
  return typeof commits === 'number' ? commits : null;
}

/** A tag over the chain up to and including the record before it: it ends each write that no checkpoint ends. */
export function proof(tag: Uint8Array): AuditEntry {
  return auditEntry({ event: 'proof', detail: { tag: Buffer.from(tag).toString('base64') } });
}

/** Says that the end of `file` was not a record and now is in `keptAs`. */
export function tornTail(file: string, bytes: number, keptAs: string): AuditEntry {
  return auditEntry({ event: 'torn_tail', detail: { file, bytes, kept_as: keptAs } });
}

/** Records that nothing proved at the start. `keptAs` is empty where they stay: a release without proofs wrote them. */
export interface UnprovenTail {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly keptAs: string;
}

export function unprovenTail({ file, from, to, keptAs }: UnprovenTail): AuditEntry {
  return auditEntry({ event: 'unproven_tail', detail: { file, from, to, kept_as: keptAs } });
}

/** The bytes that a checkpoint signs with Ed25519 (RFC 8032). */
export function checkpointMessage(vaultId: string, position: ChainPosition): Uint8Array {
  return Buffer.from(
    `jarvis-secretsd audit checkpoint 1\n${vaultId}\n${position.seq}\n${position.hash}\n`,
    'utf8',
  );
}

/** The bytes of which a proof is the tag. */
export function proofMessage(vaultId: string, position: ChainPosition): Uint8Array {
  return Buffer.from(
    `jarvis-secretsd audit proof 1\n${vaultId}\n${position.seq}\n${position.hash}\n`,
    'utf8',
  );
}

/** The bytes of which the tag of a commit count is made. */
export function commitsMessage(vaultId: string, { seq, hash }: ChainPosition, commits: number): Uint8Array {
  return Buffer.from(`jarvis-secretsd audit commits 1\n${vaultId}\n${seq}\n${hash}\n${commits}\n`, 'utf8');
}

export function isProvenBy(
  prove: Prove,
  vaultId: string,
  previous: ChainPosition,
  entry: AuditEntry,
): boolean {
  return isTag(entry.detail?.['tag'], prove(proofMessage(vaultId, previous)));
}

/** Whether the commits that a checkpoint names are those that the service counted; true where it names none. */
export function isCountedBy(
  prove: Prove,
  vaultId: string,
  previous: ChainPosition,
  entry: AuditEntry,
): boolean {
  const commits = commitsIn(entry);
  if (commits === null) return entry.detail?.['commits'] === undefined;
  return isTag(entry.detail?.['commits_tag'], prove(commitsMessage(vaultId, previous, commits)));
}

function isTag(text: unknown, expected: Uint8Array): boolean {
  const found = Buffer.from(typeof text === 'string' ? text : '', 'base64');
  return found.length === expected.length && timingSafeEqual(found, expected);
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
