import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Config } from './config/schema.ts';
import { errorMessage, StartError } from './errors.ts';
import { type AccessLimit, groupMayRead, othersMayRead, ownerOnly, requireAccess } from './file-access.ts';
import { mountPoints } from './mount-points.ts';

/** Files that the service makes next to the vault. */
const companions = ['-wal', '-shm', '.lock', '.exit', '.exit.new', '.probe', '.clock-confirmed'];

/**
 * Refuses files and folders that others could read secrets from, or change to let themselves in. What is not there yet is made
 * private later; the contents of keys are checked where they are read.
 * @param userId of the service; null where the system has none, and then no owner is looked at
 * @throws StartError with the file, its fault and the command that corrects it
 */
export function requireClosedFiles(config: Config, configFile: string, userId: number | null): void {
  const { vault_path, audit_path, bootstrap_token_path, master_key_path } = config.paths;
  const policy = config.security.rbac_policy_path;
  requireClosed('the configuration', configFile, othersMayRead);
  requireClosed('the policy', policy, othersMayRead);
  requireNoFolder('the vault', 'paths.vault_path', vault_path);
  for (const suffix of ['', '-wal', '-shm']) requireClosed('the vault', vault_path + suffix, ownerOnly);
  requireNoFolder('the bootstrap token', 'paths.bootstrap_token_path', bootstrap_token_path);
  requireClosed('the bootstrap token', bootstrap_token_path, ownerOnly);
  requireClosed('the audit folder', audit_path, groupMayRead);
  const segments = filesOf(audit_path);
  for (const file of segments) requireClosed('the audit file', file, groupMayRead);
  for (const file of [...companions.map(suffix => vault_path + suffix), bootstrap_token_path, ...segments]) {
    requireNoLink(file);
  }
  const mounts = mountPoints();
  const keyFile = config.server.tls?.key_file;
  const written = [vault_path, master_key_path, bootstrap_token_path, audit_path].map(path =>
    dirname(resolve(path)),
  );
  const decisive = [
    policy,
    vault_path,
    master_key_path,
    bootstrap_token_path,
    audit_path,
    ...segments,
    ...written,
  ];
  requireOwners([...decisive, ...(keyFile === undefined ? [] : [keyFile])], configFile, userId, mounts);
  for (const folder of new Set(written)) requireFolderOfOwn(folder, mounts);
  for (const path of [configFile, policy, ...written]) requireSafeAncestors(path, mounts);
}

function requireClosed(what: string, path: string, limit: AccessLimit): void {
  const stats = lookedAt(what, path, () => statSync(path, { throwIfNoEntry: false }));
  if (stats !== undefined) requireAccess(what, path, stats, limit);
}

/** The service writes under these names: a link would have it write over another file. */
function requireNoLink(path: string): void {
  const stats = lookedAt('the file', path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (stats?.isSymbolicLink() !== true) return;
  throw new StartError(
    `${path} is a symbolic link, and the service writes under this name; run: rm '${path}'`,
  );
}

/** A user who may create files in it could prepare one under a name that the service uses. */
function requireFolderOfOwn(folder: string, mounts: readonly string[]): void {
  const stats = lookedAt('the folder', folder, () => statSync(folder, { throwIfNoEntry: false }));
  if (stats === undefined || mounts.includes(folder)) return;
  if (isSticky(stats) && (stats.mode & othersMayRead.forbidden) !== 0) {
    throw new StartError(
      `the folder ${folder} is for the files of everybody; give the service one of its own`,
    );
  }
  requireAccess('the folder', folder, stats, othersMayRead);
}

/** A user who may rename a folder can put another one in its place. In a folder with the sticky bit only its owner may. */
function requireSafeAncestors(path: string, mounts: readonly string[]): void {
  const real = lookedAt('the folder of', path, () => realPath(resolve(path)));
  for (let folder = dirname(real); ; folder = dirname(folder)) {
    const stats = lookedAt('the folder', folder, () => statSync(folder, { throwIfNoEntry: false }));
    if (stats !== undefined && !isSticky(stats) && !mounts.includes(folder)) {
      requireAccess('the folder', folder, stats, othersMayRead);
    }
    if (folder === dirname(folder)) return;
  }
}

function isSticky({ mode }: Stats): boolean {
  return (mode & 0o1000) !== 0;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realPath(folder), path.slice(folder.length));
  }
}

/**
 * What decides over secrets belongs to root, to the user of the service, or to the owner of the configuration. What was mounted on
 * its own, as containers have files of their host, was put there by the person who started the service.
 */
function requireOwners(
  paths: readonly string[],
  configFile: string,
  userId: number | null,
  mounts: readonly string[],
): void {
  if (userId === null) return;
  const owner = lookedAt('the configuration', configFile, () =>
    statSync(configFile, { throwIfNoEntry: false }),
  );
  const trusted = [0, userId, owner?.uid];
  for (const path of paths) {
    const stats = lookedAt('the file', path, () => statSync(path, { throwIfNoEntry: false }));
    if (stats === undefined || trusted.includes(stats.uid) || isMounted(path, mounts)) continue;
    throw new StartError(
      `${path} belongs to another user (uid ${stats.uid}), who can change it; run: chown ${userId} '${path}'`,
    );
  }
}

function isMounted(path: string, mounts: readonly string[]): boolean {
  const real = lookedAt('the file', path, () => realPath(resolve(path)));
  return mounts.includes(real) || (dirname(real) !== '/' && mounts.includes(dirname(real)));
}

/** A `chmod` of a folder that was named by mistake would be the wrong advice. */
function requireNoFolder(what: string, key: string, path: string): void {
  const stats = lookedAt(what, path, () => statSync(path, { throwIfNoEntry: false }));
  if (stats?.isDirectory() !== true) return;
  throw new StartError(`${key} is ${path}, which is a folder; name the file of ${what}`);
}

/** None where there is no such folder yet. Folders in it are a platform's, such as `lost+found`. */
function filesOf(folder: string): string[] {
  return lookedAt('the audit folder', folder, () => {
    if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter(entry => !entry.isDirectory()).map(({ name }) => join(folder, name));
  });
}

function lookedAt<T>(what: string, path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw new StartError(`cannot look at ${what} ${path}: ${errorMessage(error)}`, { cause: error });
  }
}
