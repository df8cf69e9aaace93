/** What the audit log asks the vault to remember, so that a missing or shortened log is seen. */
import type { ChainPosition } from './chain.ts';

/** A segment file; its first record is `firstSeq` and follows the record whose hash is `previousHash`. */
export interface RegisteredSegment {
  readonly file: string;
  readonly firstSeq: number;
  readonly previousHash: string;
}

/** What the vault knows of its audit log. */
export interface AuditFacts {
  readonly segments: readonly RegisteredSegment[];
  /** The furthest noted record; null before the first. */
  readonly position: ChainPosition | null;
  /** The highest intent that belongs to a commit; null before the first. */
  readonly lastIntent: ChainPosition | null;
  /** The vault's commits, as its seal counts them; null where it has no seal. */
  readonly commits: number | null;
}

/** The part of the vault's store that the audit log uses. */
export interface AuditRegistry {
  auditSegments(): Promise<readonly RegisteredSegment[]>;
  auditPosition(): Promise<ChainPosition | null>;
  lastIntent(): Promise<ChainPosition | null>;
  /** The vault's commits, as its seal counts them; null while it has no seal. */
  sealedCommits(): number | null;
  /** Durable when it resolves; moves the position forward only. */
  noteAudit(position: ChainPosition, segment?: RegisteredSegment): Promise<void>;
}

/** What changes in the vault when an operator accepts losses; all of it in one durable transaction. */
export interface RegistryRevision {
  /** The end of the new segment. */
  readonly position: ChainPosition;
  readonly add: readonly RegisteredSegment[];
  /** Files that are missing. */
  readonly drop: readonly string[];
}

export interface RevisableRegistry extends AuditRegistry {
  reviseAudit(revision: RegistryRevision): Promise<void>;
}

export async function readFacts(registry: AuditRegistry): Promise<AuditFacts> {
  const [segments, position, lastIntent] = await Promise.all([
    registry.auditSegments(),
    registry.auditPosition(),
    registry.lastIntent(),
  ]);
  const commits = registry.sealedCommits();
  return { segments: segments.toSorted((a, b) => a.firstSeq - b.firstSeq), position, lastIntent, commits };
}
