import { ServiceError } from '../errors.ts';
import type { StoredSecret } from '../store/store.ts';
import { exists } from './versions.ts';

/** A secret at the moment at which a condition is asked. */
export interface SecretState {
  /** Whether it is there and not deleted. */
  readonly isLive: boolean;
  /** The active version, or the one that an undelete would make active; null where there is none. */
  readonly version: number | null;
}

/** What a caller requires of a secret. It is asked in the turn of the change, so nothing comes between the two. */
export type Precondition = (state: SecretState) => boolean;

export const unconditional: Precondition = () => true;

/**
 * Asked last: a request that fails without its condition fails as it would without it (RFC 9110 §13.2.1).
 * @throws ServiceError version_mismatch
 */
export function requireMet(name: string, stored: StoredSecret | null, precondition: Precondition): void {
  requireMetBy(name, stateOf(stored), precondition);
}

/** @throws ServiceError version_mismatch */
export function requireMetBy(name: string, state: SecretState, precondition: Precondition): void {
  if (precondition(state)) return;
  throw new ServiceError(
    'version_mismatch',
    `"${name}" ${describe(state)}; the condition of the request (If-Match or If-None-Match) is false.`,
  );
}

function stateOf(stored: StoredSecret | null): SecretState {
  const head = stored?.head ?? null;
  if (!exists(head)) return { isLive: false, version: null };
  return {
    isLive: head.deletedAt === null,
    version: head.activeVersion === 0 ? null : head.activeVersion,
  };
}

function describe({ isLive, version }: SecretState): string {
  if (!isLive) return version === null ? 'does not exist' : `is deleted at version ${version}`;
  return version === null ? 'has no active version' : `is at version ${version}`;
}
