import type { Credential } from './caller.ts';

/** A token to be made, as asked for. */
export interface TokenRequest {
  readonly client: string;
  readonly description: string;
  /** Milliseconds. */
  readonly lifetime: number;
  /** Addresses and CIDR networks; none for any. */
  readonly sourceNetworks: readonly string[];
}

/** A token as answers describe it; times in milliseconds since the epoch. */
export interface TokenFacts {
  readonly id: string;
  readonly client: string;
  readonly description: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly sourceNetworks: readonly string[];
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

export interface IssuedToken extends TokenFacts {
  /** Shown this once: it is kept by its hash only. */
  readonly token: string;
}

export interface TokenPage {
  readonly tokens: readonly TokenFacts[];
  readonly nextCursor: string | null;
}

/** Whose a token is. */
export interface TokenHolder {
  readonly id: string;
  readonly client: string;
  readonly credential: Credential;
}

export type TokenRefusal = 'malformed' | 'unknown' | 'revoked' | 'expired' | 'altered' | 'wrong_network';

/** The holder is known for some refusals, too: for the record only. */
export type VerifiedToken =
  | { readonly refusal: null; readonly holder: TokenHolder }
  | { readonly refusal: TokenRefusal; readonly holder: TokenHolder | null };
