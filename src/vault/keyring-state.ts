import { StartError } from '../errors.ts';

/** Where the store keeps the keyring, one entry each; the data keys have theirs under `dataKeyEntry(kid)`. */
export const stateKeys = {
  vaultId: 'keyring/vault-id',
  check: 'keyring/check',
  root: 'keyring/root',
  signing: 'keyring/signing',
  dataKeys: 'keyring/data-keys',
} as const;

/** The first byte of every entry. */
const STATE_FORMAT = 1;

/** Reads one state entry; null where there is none. */
export type ReadState = (key: string) => Promise<Uint8Array | null>;

export function dataKeyEntry(kid: string): string {
  return `keyring/data-key/${kid}`;
}

/** `begun`: a first start knows which master key it will make, and has not stored a key yet. */
export type KeyringProgress = 'none' | 'begun' | 'stored';

/** Half a keyring counts as stored: it is not a new vault, and `openKeyring` says what is missing. */
export async function keyringProgress(state: ReadState): Promise<KeyringProgress> {
  const stored = new Set<string>();
  for (const key of Object.values(stateKeys)) {
    if ((await state(key)) !== null) stored.add(key);
  }
  if (stored.size === 0) return 'none';
  const isBegun = stored.size === 2 && stored.has(stateKeys.vaultId) && stored.has(stateKeys.check);
  return isBegun ? 'begun' : 'stored';
}

export function encodeEntry(content: Uint8Array): Uint8Array {
  const entry = new Uint8Array(1 + content.length);
  entry[0] = STATE_FORMAT;
  entry.set(content, 1);
  return entry;
}

/** Throws StartError when the entry is missing or of a later format. */
export async function readEntry(state: ReadState, key: string): Promise<Uint8Array> {
  const entry = await state(key);
  if (entry === null) {
    throw new StartError(`the vault holds half a state: ${key} is missing; restore the vault from a backup`);
  }
  if (entry[0] !== STATE_FORMAT) {
    throw new StartError(
      `the vault entry ${key} has a format this version does not know; use a newer version`,
    );
  }
  return entry.subarray(1);
}
