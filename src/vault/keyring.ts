import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
  timingSafeEqual,
} from 'node:crypto';
import { StartError } from '../errors.ts';
import type { SealKeys } from '../store/sealing.ts';
import { DecryptionError, FORMAT } from './envelope.ts';
import { hmacSha256 } from './hmac.ts';
import { createKeyWrap, deriveKey, type KeyPurpose, type KeyWrap } from './key-wrap.ts';
import { dataKeyEntry, encodeEntry, type ReadState, readEntry, stateKeys } from './keyring-state.ts';
import { netstrings } from './netstring.ts';

const KEY_BYTES = 32;

/** The open keys of one vault. */
export interface Keyring {
  /** A UUID. */
  readonly vaultId: string;
  /** The data key that seals new values. */
  readonly currentKid: string;
  readonly dataKeys: ReadonlyMap<string, KeyObject>;
  /** Throws DecryptionError for a kid the vault does not have. */
  dataKey(kid: string): KeyObject;
  readonly rowMacKey: KeyObject;
  /** What the keys of cursors are derived from. */
  readonly cursorKey: KeyObject;
  /** For the seal over all rows. */
  readonly sealKeys: SealKeys;
  /** Ed25519 (RFC 8032): 64 bytes. */
  sign(data: Uint8Array): Uint8Array;
  /** The tag of an audit proof, HMAC-SHA-256 (RFC 2104): 32 bytes. */
  prove(data: Uint8Array): Uint8Array;
  readonly publicKey: KeyObject;
  /** SPKI, as PEM. */
  readonly publicKeyPem: string;
  /** SHA-256 of the SPKI DER, in hexadecimal. */
  readonly fingerprint: string;
}

interface OpenKeys {
  readonly vaultId: string;
  readonly root: Uint8Array;
  readonly signing: KeyObject;
  readonly dataKeys: ReadonlyMap<string, KeyObject>;
  readonly currentKid: string;
}

/** What a new vault stores before its master key has a file: its id, and what tells whether a master key is the one. */
export function beginKeyring(masterKey: Uint8Array): { vaultId: string; state: Record<string, Uint8Array> } {
  const vaultId = randomUUID();
  const { checkValue } = createKeyWrap(masterKey, vaultId);
  const state = {
    [stateKeys.vaultId]: encodeEntry(Buffer.from(vaultId)),
    [stateKeys.check]: encodeEntry(checkValue),
  };
  return { vaultId, state };
}

/** The id of a vault that `beginKeyring` began for this master key; null when it was begun for another one. */
export async function begunFor(masterKey: Uint8Array, state: ReadState): Promise<string | null> {
  const vaultId = Buffer.from(await readEntry(state, stateKeys.vaultId)).toString();
  const { checkValue } = createKeyWrap(masterKey, vaultId);
  return isCheckValue(await readEntry(state, stateKeys.check), checkValue) ? vaultId : null;
}

/**
 * The keys of a new vault, and the state entries to store (in one transaction) before anything is sealed.
 * @param options.vaultId as it was begun; a new one unless given
 */
export function createKeyring(options: { readonly masterKey: Uint8Array; readonly vaultId?: string }): {
  keyring: Keyring;
  state: Record<string, Uint8Array>;
} {
  const { vaultId = randomUUID() } = options;
  const wrap = createKeyWrap(options.masterKey, vaultId);
  const kid = `k1-${randomBytes(4).toString('hex')}`;
  const root = randomBytes(KEY_BYTES);
  const dataKey = randomBytes(KEY_BYTES);
  const signing = generateKeyPairSync('ed25519').privateKey;
  const state = {
    [stateKeys.vaultId]: encodeEntry(Buffer.from(vaultId)),
    [stateKeys.check]: encodeEntry(wrap.checkValue),
    [stateKeys.root]: encodeEntry(wrap.wrap('root', '', root)),
    [stateKeys.signing]: encodeEntry(
      wrap.wrap('signing', '', signing.export({ format: 'der', type: 'pkcs8' })),
    ),
    [stateKeys.dataKeys]: encodeEntry(wrap.wrap('data-keys', '', Buffer.from(kid))),
    [dataKeyEntry(kid)]: encodeEntry(wrap.wrap('data', kid, dataKey)),
  };
  const dataKeys = new Map([[kid, secretKey(dataKey)]]);
  const keyring = assemble({ vaultId, root, signing, dataKeys, currentKid: kid });
  return { keyring, state };
}

/** Opens a stored keyring. Throws StartError for a foreign master key, and for entries missing or damaged. */
export async function openKeyring(options: {
  readonly masterKey: Uint8Array;
  readonly state: ReadState;
}): Promise<Keyring> {
  const { masterKey, state } = options;
  const vaultId = Buffer.from(await readEntry(state, stateKeys.vaultId)).toString();
  const wrap = createKeyWrap(masterKey, vaultId);
  checkMasterKey(wrap, vaultId, await readEntry(state, stateKeys.check));
  const root = await unwrap(state, wrap, stateKeys.root, 'root', '');
  const signing = await unwrap(state, wrap, stateKeys.signing, 'signing', '');
  const kids = (await unwrap(state, wrap, stateKeys.dataKeys, 'data-keys', '')).toString();
  const dataKeys = new Map<string, KeyObject>();
  for (const kid of kids.split('\n')) {
    dataKeys.set(kid, secretKey(await unwrap(state, wrap, dataKeyEntry(kid), 'data', kid)));
  }
  return assemble({
    vaultId,
    root,
    signing: privateKey(signing),
    dataKeys,
    currentKid: kids.slice(kids.lastIndexOf('\n') + 1),
  });
}

/** Takes the root key over: its bytes are wiped once the other keys are derived from it. */
function assemble(keys: OpenKeys): Keyring {
  const publicKey = createPublicKey(keys.signing);
  const derivedBytes = (purpose: string) =>
    deriveKey(keys.root, Buffer.from(keys.vaultId), netstrings([FORMAT, purpose]));
  const derived = (purpose: string) => secretKey(derivedBytes(purpose));
  const rowMacKey = derived('row-mac');
  const cursorKey = derived('cursor');
  const prove = hmacSha256(derivedBytes('audit-proof'));
  const sealKeys = { rowSet: derived('row-set'), seal: derived('vault-seal') };
  keys.root.fill(0);
  return {
    vaultId: keys.vaultId,
    currentKid: keys.currentKid,
    dataKeys: keys.dataKeys,
    dataKey(kid) {
      const key = keys.dataKeys.get(kid);
      if (key === undefined) throw new DecryptionError(`unknown kid ${JSON.stringify(kid)}`);
      return key;
    },
    rowMacKey,
    cursorKey,
    sealKeys,
    sign: data => sign(null, data, keys.signing),
    prove,
    publicKey,
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }),
    fingerprint: hash('sha256', publicKey.export({ format: 'der', type: 'spki' })),
  };
}

/** A key object of the bytes, which are wiped. */
function secretKey(bytes: Uint8Array): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

function privateKey(der: Buffer): KeyObject {
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

function checkMasterKey(wrap: KeyWrap, vaultId: string, stored: Uint8Array): void {
  if (isCheckValue(stored, wrap.checkValue)) return;
  throw new StartError(
    `the master key does not fit this vault (${vaultId}): give the key the vault was made with, or the vault it belongs to`,
  );
}

function isCheckValue(stored: Uint8Array, expected: Uint8Array): boolean {
  return stored.length === expected.length && timingSafeEqual(stored, expected);
}

async function unwrap(
  state: ReadState,
  wrap: KeyWrap,
  key: string,
  purpose: KeyPurpose,
  kid: string,
): Promise<Buffer> {
  const wrapped = await readEntry(state, key);
  try {
    return wrap.unwrap(purpose, kid, wrapped);
  } catch (error) {
    throw new StartError(`the vault entry ${key} is damaged; restore the vault from a backup`, {
      cause: error,
    });
  }
}
