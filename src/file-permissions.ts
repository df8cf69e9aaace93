import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config/schema.ts';
import { errorMessage, StartError } from './errors.ts';
import { type AccessLimit, groupMayRead, othersMayRead, ownerOnly, requireAccess } from './file-access.ts';

/**
 * Refuses files that others could read secrets from, or change to let themselves in. What is not there yet is made
 * private later; keys are checked where they are read.
 * @throws StartError with the file, its mode and the command that mends it
 */
export function requireClosedFiles(config: Config, configFile: string): void {
  const { vault_path, audit_path, bootstrap_token_path } = config.paths;
  requireClosed('the configuration', configFile, othersMayRead);
  requireClosed('the policy', config.security.rbac_policy_path, othersMayRead);
  for (const suffix of ['', '-wal', '-shm']) requireClosed('the vault', vault_path + suffix, ownerOnly);
  requireClosed('the bootstrap token', bootstrap_token_path, ownerOnly);
  requireClosed('the audit folder', audit_path, groupMayRead);
  for (const file of filesOf(audit_path)) requireClosed('the audit file', file, groupMayRead);
}

function requireClosed(what: string, path: string, limit: AccessLimit): void {
  const stats = lookedAt(what, path, () => statSync(path, { throwIfNoEntry: false }));
  if (stats !== undefined) requireAccess(what, path, stats, limit);
}

/** None where there is no such folder yet. */
function filesOf(folder: string): string[] {
  return lookedAt('the audit folder', folder, () =>
    statSync(folder, { throwIfNoEntry: false }) === undefined
      ? []
      : readdirSync(folder).map(file => join(folder, file)),
  );
}

function lookedAt<T>(what: string, path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw new StartError(`cannot look at ${what} ${path}: ${errorMessage(error)}`, { cause: error });
  }
}
