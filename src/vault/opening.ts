import { existsSync, readdirSync } from 'node:fs';
import { asStartError, StartError } from '../errors.ts';
import { lockVault, VaultInUse, type VaultLock } from '../store/lock.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { createKeyring, type Keyring, openKeyring } from './keyring.ts';
import { keyringStored } from './keyring-state.ts';
import { createMasterKey, loadMasterKey, masterKeyExists } from './master-key.ts';

export interface VaultPaths {
  readonly vault_path: string;
  readonly audit_path: string;
  readonly master_key_path: string;
}

export interface OpenedVault {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly isNew: boolean;
  /** Closes the store and lets another process have the vault. */
  close(): Promise<void>;
}

export interface OpeningOptions {
  readonly paths: VaultPaths;
  /** Whether a vault may be made where there is none of it. */
  readonly mayCreate: boolean;
  readonly onFatal: (error: Error) => void;
  /** What the cache of secrets may take, in bytes. */
  readonly cacheBytes?: number | undefined;
  readonly metrics: { storeCommitted(seconds: number): void };
}

/**
 * Opens the vault of `paths`, alone; makes a new one only where neither key, vault nor audit exists.
 * @throws StartError on half a state, a wrong key, another process; nothing is created then
 */
export async function openVault(options: OpeningOptions): Promise<OpenedVault> {
  const { paths } = options;
  const isNew = decideNew(paths, options.mayCreate);
  const lock = takeLock(paths.vault_path);
  try {
    const masterKey = isNew ? createMasterKey(paths.master_key_path) : loadMasterKey(paths.master_key_path);
    const { onFatal, metrics } = options;
    const { cacheBytes } = options;
    const store = await openSqliteStore({
      path: paths.vault_path,
      create: isNew,
      cacheBytes,
      onFatal,
      metrics,
    });
    try {
      const keyring = isNew ? await initialise(store, masterKey) : await unlock(store, masterKey);
      return { store, keyring, isNew, close: () => closeAll(store, lock) };
    } catch (error) {
      await store.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw asStartError(error);
  }
}

/** Half a state is never new: a missing mount or a lost key must not become an empty vault. */
function decideNew({ vault_path, audit_path, master_key_path }: VaultPaths, mayCreate: boolean): boolean {
  const hasKey = masterKeyExists(master_key_path);
  const hasVault = existsSync(vault_path);
  const hasAudit = existsSync(audit_path) && readdirSync(audit_path).length > 0;
  if (hasKey && hasVault) return false;
  if (hasVault) {
    throw new StartError(
      `There is a vault at ${vault_path} but no master key at ${master_key_path}; put the key back, or set paths.master_key_path.`,
    );
  }
  if (hasKey) {
    throw new StartError(
      `There is a master key at ${master_key_path} but no vault at ${vault_path}; restore the vault, set paths.vault_path, or move the key away to begin anew.`,
    );
  }
  if (hasAudit) {
    throw new StartError(
      `There is an audit log in ${audit_path} but no vault at ${vault_path}; restore vault and key, or move the log away to begin anew.`,
    );
  }
  if (mayCreate) return true;
  throw new StartError(
    `There is no vault at ${vault_path} and no key at ${master_key_path}, and server.init is "require"; mount them, or start once with server.init = "auto".`,
  );
}

async function initialise(store: Store, masterKey: Uint8Array): Promise<Keyring> {
  const { keyring, state } = createKeyring({ masterKey });
  await store.putState(state);
  return keyring;
}

async function unlock(store: Store, masterKey: Uint8Array): Promise<Keyring> {
  const state = (key: string) => store.state(key);
  if (await keyringStored(state)) return await openKeyring({ masterKey, state });
  throw new StartError(
    'The vault file holds no keys: its first start was interrupted. Remove the vault and the key, and start again.',
  );
}

async function closeAll(store: Store, lock: VaultLock): Promise<void> {
  await store.close();
  lock.release();
}

function takeLock(vaultPath: string): VaultLock {
  try {
    return lockVault(vaultPath);
  } catch (error) {
    throw asStartError(error);
  }
}

/** The vault for reading beside a service that may be running. @throws StartError */
export async function openForVerification(paths: VaultPaths): Promise<{ store: Store; keyring: Keyring }> {
  decideNew(paths, false);
  const masterKey = loadMasterKey(paths.master_key_path);
  const onFatal = (error: Error) => {
    throw error;
  };
  const store = await openSqliteStore({ path: paths.vault_path, create: false, asIs: true, onFatal }).catch(
    error => {
      throw asStartError(error);
    },
  );
  try {
    return { store, keyring: await unlock(store, masterKey) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Whether opening failed because another process uses the vault. */
export function isVaultInUse(error: unknown): boolean {
  return error instanceof Error && (error instanceof VaultInUse || isVaultInUse(error.cause));
}
