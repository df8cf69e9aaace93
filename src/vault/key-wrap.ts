import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { FORMAT, openBytes, sealBytes } from './envelope.ts';
import { netstrings } from './netstring.ts';

const KEY_BYTES = 32;

/** What a wrapped key is for; each purpose has a wrapping key of its own. */
export type KeyPurpose = 'root' | 'signing' | 'data-keys' | 'data';

/** Keys under the master key of one vault. */
export interface KeyWrap {
  /** `kid` is empty for keys there is one of. */
  wrap(purpose: KeyPurpose, kid: string, secret: Uint8Array): Uint8Array;
  /** The caller wipes the result. Throws DecryptionError. */
  unwrap(purpose: KeyPurpose, kid: string, wrapped: Uint8Array): Buffer;
  /** 32 bytes that tell whether a master key is the vault's, and nothing else about it. */
  readonly checkValue: Uint8Array;
}

export function createKeyWrap(masterKey: Uint8Array, vaultId: string): KeyWrap {
  const salt = Buffer.from(vaultId);
  const wrappingKey = (purpose: KeyPurpose): KeyObject =>
    createSecretKey(deriveKey(masterKey, salt, netstrings([FORMAT, 'wrap', purpose])));
  const aad = (purpose: KeyPurpose, kid: string): Buffer =>
    netstrings([FORMAT, 'wrapped-key', vaultId, purpose, kid]);
  return {
    wrap: (purpose, kid, secret) => sealBytes(wrappingKey(purpose), aad(purpose, kid), secret),
    unwrap: (purpose, kid, wrapped) => openBytes(wrappingKey(purpose), aad(purpose, kid), wrapped),
    checkValue: deriveKey(masterKey, salt, netstrings([FORMAT, 'check'])),
  };
}

/** HKDF-SHA-256 (RFC 5869), 32 bytes. */
export function deriveKey(secret: Uint8Array, salt: Uint8Array, info: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, KEY_BYTES));
}
