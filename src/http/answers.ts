import type { VersionFacts } from '../vault/vault.ts';

/** Milliseconds since the epoch as RFC 3339, UTC. */
export function rfc3339(time: number): string {
  return new Date(time).toISOString();
}

export function versionAnswer(facts: VersionFacts): {
  name: string;
  version: number;
  kid: string;
  created_at: string;
  expires_at: string;
} {
  return {
    name: facts.name,
    version: facts.version,
    kid: facts.kid,
    created_at: rfc3339(facts.createdAt),
    expires_at: rfc3339(facts.expiresAt),
  };
}
