import { setTimeout } from 'node:timers/promises';
import { asStartError, StartError } from '../errors.ts';
import { lockVault, VaultInUse, type VaultLock } from '../store/lock.ts';
import { openSqliteStore, type SqliteStoreOptions } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { beginKeyring, begunFor, createKeyring, type Keyring, openKeyring } from './keyring.ts';
import { keyringProgress } from './keyring-state.ts';
import { createMasterKey, loadMasterKey, newMasterKey, removeUnfinishedMasterKey } from './master-key.ts';
import { protectVault, type SealState } from './protecting.ts';
import { lostKey, requireParts, type VaultParts, type VaultPaths } from './vault-parts.ts';

const lockRetryMs = 20;

export interface OpenedVault {
  readonly store: Store;
  readonly keyring: Keyring;
  /** Whether no start before this one got as far as the audit log. */
  readonly isNew: boolean;
  readonly seal: SealState;
  /** Closes the store and lets another process have the vault. */
  close(): Promise<void>;
}

export interface OpeningOptions {
  readonly paths: VaultPaths;
  /** Whether a vault may be made where there is none of it. */
  readonly mayCreate: boolean;
  /** Whether to go on with a vault that is not as it was sealed: for a command that makes the audit log usable again. */
  readonly mayDiffer?: boolean;
  /** How long another process may take to let the vault go, in milliseconds; none unless given. */
  readonly lockPatienceMs?: number;
  readonly onFatal: (error: Error) => void;
  /** What the cache of secrets may take, in bytes. */
  readonly cacheBytes?: number | undefined;
  readonly metrics: { storeCommitted(seconds: number): void };
}

/**
 * Opens the vault of `paths`, alone. Makes a new one only where neither key, vault nor audit log exists, and finishes one that an
 * interrupted first start began (docs/FORMAT.md, "The first start").
 * @throws StartError on half a state, a wrong key, another process, a vault that is not as it was sealed; nothing is created then
 */
export async function openVault(options: OpeningOptions): Promise<OpenedVault> {
  const opened = await openUnsealed(options);
  try {
    const { mayDiffer = false, paths } = options;
    const seal = await protectVault(opened.store, opened.keyring, paths.audit_path, mayDiffer);
    return { ...opened, seal };
  } catch (error) {
    await opened.close();
    throw asStartError(error);
  }
}

/** The same, whatever the seal says; without protection nothing may be committed. @throws StartError */
export async function openUnsealed(options: OpeningOptions): Promise<Omit<OpenedVault, 'seal'>> {
  const { paths, mayCreate, cacheBytes, onFatal, metrics } = options;
  requireParts(paths, mayCreate);
  try {
    const lock = await takeLock(paths.vault_path, options.lockPatienceMs ?? 0);
    try {
      // Another start may have made them meanwhile.
      const parts = requireParts(paths, mayCreate);
      const create = parts !== 'whole';
      const storeOptions = { path: paths.vault_path, create, cacheBytes, onFatal, metrics };
      const store = await openStore(parts, storeOptions, paths);
      const close = async () => {
        await store.close();
        lock.release();
      };
      try {
        const isNew = await isUnused(store);
        return { store, keyring: await keysOf(store, parts, paths, isNew), isNew, close };
      } catch (error) {
        await store.close();
        throw error;
      }
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw asStartError(error);
  }
}

/** A file that is no vault of this release needs its key first. */
async function openStore(parts: VaultParts, options: SqliteStoreOptions, paths: VaultPaths): Promise<Store> {
  if (parts !== 'no key') return await openSqliteStore(options);
  return await openSqliteStore({ ...options, migrate: false }).catch(error => {
    const start = asStartError(error);
    throw start.isTemporary ? start : lostKey(paths);
  });
}

/** Before anything is sealed, the audit log's first segment is registered. */
async function isUnused(store: Store): Promise<boolean> {
  const segments = await store.auditSegments();
  return segments.length === 0 && (await store.lastIntent()) === null && store.count() === 0;
}

/**
 * The order in which a first start makes the keys: the vault file, in it the key's check value, the key's file, and in the vault
 * file all other keys. So a key file without a vault is never the work of an interrupted start, and which key the vault waits for
 * is known.
 */
async function keysOf(store: Store, parts: VaultParts, paths: VaultPaths, isNew: boolean): Promise<Keyring> {
  const state = (key: string) => store.state(key);
  const progress = await keyringProgress(state);
  if (progress === 'stored') {
    if (parts !== 'whole') throw lostKey(paths);
    return await openKeyring({ masterKey: loadMasterKey(paths.master_key_path), state });
  }
  if (!isNew) throw new StartError(`The vault ${paths.vault_path} lost its keys; restore it from a backup.`);
  if (parts === 'whole') return await finishKeys(store, paths, progress);
  const masterKey = newMasterKey();
  const begun = beginKeyring(masterKey);
  await store.putState(begun.state);
  createMasterKey(paths.master_key_path, masterKey);
  return await storeKeys(store, masterKey, begun.vaultId);
}

/** The key's file is there: it is the one that an interrupted start made, or else nobody knows which it is. */
async function finishKeys(store: Store, paths: VaultPaths, progress: 'none' | 'begun'): Promise<Keyring> {
  const { vault_path, master_key_path } = paths;
  const masterKey = loadMasterKey(master_key_path);
  const vaultId = progress === 'begun' ? await begunFor(masterKey, key => store.state(key)) : null;
  if (vaultId === null) {
    throw new StartError(
      `The first start with the vault ${vault_path} was interrupted, and the master key ${master_key_path} is not known to belong to it. The vault holds no secret: move ${vault_path}, ${vault_path}-wal and ${vault_path}-shm away. If the key has never belonged to another vault, move it away too. Then start again.`,
    );
  }
  removeUnfinishedMasterKey(master_key_path);
  return await storeKeys(store, masterKey, vaultId);
}

async function storeKeys(store: Store, masterKey: Uint8Array, vaultId: string): Promise<Keyring> {
  const { keyring, state } = createKeyring({ masterKey, vaultId });
  await store.putState(state);
  return keyring;
}

/** @throws VaultInUse when another process does not let the vault go in time */
async function takeLock(vaultPath: string, patienceMs: number): Promise<VaultLock> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return lockVault(vaultPath);
    } catch (error) {
      if (!(error instanceof VaultInUse) || performance.now() >= endMs) throw error;
      await setTimeout(lockRetryMs);
    }
  }
}

/** The vault for reading beside a service that may be running. @throws StartError */
export async function openForVerification(paths: VaultPaths): Promise<{ store: Store; keyring: Keyring }> {
  requireParts(paths, false);
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
    const state = (key: string) => store.state(key);
    if ((await keyringProgress(state)) !== 'stored') {
      throw new StartError(
        `The first start with the vault ${paths.vault_path} was interrupted; start the service once, which finishes it.`,
      );
    }
    return { store, keyring: await openKeyring({ masterKey, state }) };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Whether opening failed because another process uses the vault. */
export function isVaultInUse(error: unknown): boolean {
  return error instanceof Error && (error instanceof VaultInUse || isVaultInUse(error.cause));
}
