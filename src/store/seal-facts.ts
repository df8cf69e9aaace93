import type { AuditPosition } from './store.ts';

/** What the vault knows of itself with each commit, under keys that hang on the master key. */
export interface SealFacts {
  /** Commits since the vault was sealed first; the audit log's checkpoints repeat it. */
  readonly commits: number;
  /** The furthest intent that a commit belongs to; seq 0 before the first. */
  readonly lastIntent: AuditPosition;
  /** Whether there ever was a token: then none at all opens no bootstrap. */
  readonly hadToken: boolean;
  /** Whether the audit log says that the vault is sealed. */
  readonly announced: boolean;
}

/** How a seal begins where there is none that counts. */
export interface SealStart extends Omit<SealFacts, 'lastIntent'> {
  /** Names the rows that the operator accepted: with any others nothing is sealed. Null seals what is there. */
  readonly acceptanceId: string | null;
}

/** What stands where the seal of the vault belongs. */
export type ProtectionFound =
  | { readonly kind: 'none' }
  /** It was altered, or made for another vault. */
  | { readonly kind: 'unreadable' }
  /** `differences` of the vault from its seal, as far as they show without reading all of it. */
  | { readonly kind: 'sealed'; readonly facts: SealFacts; readonly differences: readonly string[] };
