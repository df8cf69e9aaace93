/** What is missing from a log or damaged in it, and the records with which an operator has accepted that. */
import type { ChainPosition } from './chain.ts';
import { type AuditEntry, auditEntry } from './record.ts';

/**
 * - `missing`: the records are not there: a segment is gone, or the end of one.
 * - `damaged`: a segment is there, and not as the service wrote it; it stays.
 * - `foreign`: a file is named like a segment, and is none of this log; accepting moves it aside.
 * - `older_vault`: the log is whole, and the vault is an older one that does not know these records.
 */
export type LossKind = 'missing' | 'damaged' | 'foreign' | 'older_vault';

export interface Loss {
  readonly what: LossKind;
  /** The segment that is missing, damaged or foreign, or whose end is cut off. */
  readonly file: string;
  /** The records that are missing or in doubt, both included. */
  readonly from: number;
  readonly to: number;
  /** The hash of the record before `from`; empty where it is not known. */
  readonly before: string;
}

/** A loss as it was when it was accepted. */
export interface AcceptedLoss extends Loss {
  /** Of a damaged or foreign file, in bytes; 0 for the others. */
  readonly bytes: number;
  /** SHA-256 of that file in lower-case hexadecimal: it must not change any more. Empty for the others. */
  readonly sha256: string;
  /** Where a foreign file is now; empty for the others. */
  readonly keptAs: string;
  /** The operator's words. */
  readonly reason: string;
}

/** An accepted loss with the place of its record. */
export interface AcceptedRecord extends AcceptedLoss {
  readonly seq: number;
  /** RFC 3339. */
  readonly time: string;
}

export const lossAcceptedEvent = 'loss_accepted';

export function lossAccepted(loss: AcceptedLoss): AuditEntry {
  const { what, file, from, to, before, bytes, sha256, keptAs, reason } = loss;
  return auditEntry({
    event: lossAcceptedEvent,
    identity_method: 'system',
    action: 'admin',
    resource: 'audit',
    outcome: 'ok',
    detail: { what, file, from, to, before, bytes, sha256, kept_as: keptAs, reason },
  });
}

/** Throws SyntaxError when the record does not have the form. */
export function readAcceptedLoss(entry: AuditEntry, position: ChainPosition, time: string): AcceptedRecord {
  const text = (name: string) => String(entry.detail?.[name] ?? '');
  const number = (name: string) => Number(entry.detail?.[name] ?? 0);
  const what = kinds.find(kind => kind === entry.detail?.['what']);
  if (what === undefined) throw new SyntaxError('it is no accepted loss');
  return {
    what,
    file: text('file'),
    from: number('from'),
    to: number('to'),
    before: text('before'),
    bytes: number('bytes'),
    sha256: text('sha256'),
    keptAs: text('kept_as'),
    reason: text('reason'),
    seq: position.seq,
    time,
  };
}

const kinds: readonly LossKind[] = ['missing', 'damaged', 'foreign', 'older_vault'];

/** A loss in words, for operators. */
export function describeLoss({ what, file, from, to }: Loss): string {
  const records = from === to ? `record ${from}` : `records ${from} to ${to}`;
  switch (what) {
    case 'missing':
      return `${file}: ${records} ${from === to ? 'is' : 'are'} missing`;
    case 'damaged':
      return `${file}: ${records} cannot be trusted: the file is damaged or was edited`;
    case 'foreign':
      return `${file}: the file is not a segment of this log`;
    case 'older_vault':
      return `${file}: the vault is older than the log and does not hold the changes in ${records}`;
  }
}

/**
 * Whether accepted losses explain a loss. A damaged file counts only with the content that was accepted: `isUnchanged`.
 */
export function isAccepted(
  loss: Loss,
  accepted: readonly AcceptedRecord[],
  isUnchanged: (accepted: AcceptedRecord) => boolean,
): boolean {
  const same = accepted.filter(({ what }) => what === loss.what);
  switch (loss.what) {
    case 'missing':
      return coversRange(loss, same);
    case 'damaged':
      return same.some(candidate => candidate.file === loss.file && isUnchanged(candidate));
    case 'older_vault':
      return same.some(candidate => candidate.to >= loss.to);
    case 'foreign':
      return false;
  }
}

/** One after the other, without a hole; the first begins where the log ends, by number and by hash. */
function coversRange({ from, to, before }: Loss, accepted: readonly AcceptedRecord[]): boolean {
  const beginnings = accepted.filter(candidate =>
    before === ''
      ? candidate.from <= from && from <= candidate.to
      : candidate.from === from && (candidate.before === '' || candidate.before === before),
  );
  if (beginnings.length === 0) return false;
  let reached = Math.max(...beginnings.map(candidate => candidate.to));
  for (const candidate of accepted.toSorted((a, b) => a.from - b.from)) {
    if (candidate.from <= reached + 1) reached = Math.max(reached, candidate.to);
  }
  return reached >= to;
}
