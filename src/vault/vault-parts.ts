/** Which parts of a vault stand at its paths, and which of that a start may go on from. */
import { existsSync, readdirSync } from 'node:fs';
import { isSegmentFile } from '../audit/structure.ts';
import { errorMessage, StartError, systemErrorCode } from '../errors.ts';
import { masterKeyExists } from './master-key.ts';

export interface VaultPaths {
  readonly vault_path: string;
  readonly audit_path: string;
  readonly master_key_path: string;
}

/**
 * `whole`: key and vault. `none`: neither of them, and no audit log. `no key`: a vault file alone, which is what a first start
 * leaves that was interrupted before it made the key; or the key is lost.
 */
export type VaultParts = 'whole' | 'none' | 'no key';

/**
 * Half a state is never new: a missing mount or a lost key must not become an empty vault.
 * @throws StartError on every other combination, and where a vault would have to be made and may not be
 */
export function requireParts(paths: VaultPaths, mayCreate: boolean): VaultParts {
  const { vault_path, audit_path, master_key_path } = paths;
  const hasKey = masterKeyExists(master_key_path);
  const hasVault = existsSync(vault_path);
  if (hasKey && hasVault) return 'whole';
  if (hasKey) {
    throw new StartError(
      `There is a master key at ${master_key_path} but no vault at ${vault_path}. Restore or mount the vault, or set paths.vault_path. If the key has never belonged to a vault that you need, move it away to begin with a new vault.`,
    );
  }
  const segment = firstSegment(audit_path);
  if (hasVault) {
    if (segment === null && mayCreate) return 'no key';
    throw lostKey(paths);
  }
  if (segment !== null) {
    throw new StartError(
      `There is an audit log in ${audit_path} (${segment}) but no vault at ${vault_path}. Restore vault and key, or move the log away to begin with a new vault.`,
    );
  }
  if (mayCreate) return 'none';
  throw new StartError(
    `There is no vault at ${vault_path} and no key at ${master_key_path}, and none is made: server.init is "require", or a command needs what exists. Mount them, or set paths.vault_path and paths.master_key_path (a systemd unit may set them for the service alone). For a new vault, start once with server.init = "auto".`,
  );
}

export function lostKey({ vault_path, master_key_path }: VaultPaths): StartError {
  return new StartError(
    `There is a vault at ${vault_path} but no master key at ${master_key_path}. Put the key back, or set paths.master_key_path. If the very first start was interrupted, start once with server.init = "auto".`,
  );
}

/** What platforms put into a volume is no audit log: `lost+found`, `.snapshot` and the like. */
function firstSegment(folder: string): string | null {
  try {
    return readdirSync(folder).toSorted().find(isSegmentFile) ?? null;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw new StartError(`The audit folder ${folder} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
