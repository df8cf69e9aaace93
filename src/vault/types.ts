import type { RotationRule } from '../store/store.ts';

/** What a client sends for a new version; validated at the edge but for sizes and names. */
export interface SecretInput {
  readonly value: string;
  /** Absent keeps what the secret has. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Absent keeps the rule; null removes it. */
  readonly rotation?: RotationRule | null | undefined;
}

/** For whom a value is generated. */
export interface GenerationOrder {
  /** Owners take turns at what is slow to make. */
  readonly owner: string;
  /** Aborts when nobody waits for the value any more; null where somebody always does. */
  readonly signal: AbortSignal | null;
}

/** A version as answers describe it; times in milliseconds since the epoch. */
export interface VersionFacts {
  readonly name: string;
  readonly version: number;
  readonly kid: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface RotatedVersion extends VersionFacts {
  /** The generator that made it, as it is stored; null for the default one. */
  readonly generator: unknown;
}

export interface ReadSecret extends VersionFacts {
  /** Null when the caller has this version already: nothing was decrypted. */
  readonly value: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface VersionState extends VersionFacts {
  readonly state: 'active' | 'staged' | 'superseded' | 'destroyed';
  readonly generated: boolean;
  readonly deactivatedAt: number | null;
  readonly destroyAt: number | null;
}

export interface ListedSecret extends VersionFacts {
  readonly isExpired: boolean;
}

export interface SecretPage {
  readonly secrets: readonly ListedSecret[];
  /** Names of the page whose rows cannot be read or were altered. */
  readonly damaged: readonly string[];
  /** Rows that were read for the page, those that the caller may not list included. */
  readonly rowsRead: number;
  /** Where to go on, when there may be more; means something to this vault and this client only. */
  readonly nextCursor: string | null;
}

export interface VersionPage {
  readonly versions: readonly VersionState[];
  /** Numbers of the page whose rows cannot be read or were altered. */
  readonly damaged: readonly number[];
  /** Where to go on, when there are more; means something to this vault, this client and this name only. */
  readonly nextCursor: string | null;
}

export function factsOf(row: VersionFacts): VersionFacts {
  const { name, version, kid, createdAt, expiresAt } = row;
  return { name, version, kid, createdAt, expiresAt };
}
