import { isUtf8 } from 'node:buffer';
import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto';
import { netstrings } from './netstring.ts';

/** Part of everything that is sealed, derived or signed here, so that a later format can never be taken for this. */
export const FORMAT = 'jarvis-secretsd/1';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed value belongs to: it opens only for exactly this. */
export interface ValueContext {
  readonly vaultId: string;
  readonly name: string;
  readonly version: number;
  readonly kid: string;
}

/** Something sealed does not open: damaged, moved to another place, or its key is missing. Never carries content. */
export class DecryptionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecryptionError';
  }
}

/**
 * Seals a value with a 32-byte data key, as nonce ‖ ciphertext ‖ tag (docs/FORMAT.md, "Sealed values and keys").
 * Throws TypeError for a string with a lone surrogate: it would come back as another string.
 */
export function seal(key: KeyObject, context: ValueContext, plaintext: string | Uint8Array): Uint8Array {
  if (typeof plaintext !== 'string') return sealBytes(key, valueAad(context), plaintext);
  if (!plaintext.isWellFormed()) throw new TypeError('the value is not well-formed Unicode');
  const bytes = Buffer.from(plaintext);
  try {
    return sealBytes(key, valueAad(context), bytes);
  } finally {
    bytes.fill(0);
  }
}

/** Opens what `seal` made. Throws DecryptionError when it was not sealed with this key and context, or is not UTF-8. */
export function open(key: KeyObject, context: ValueContext, sealed: Uint8Array): string {
  const bytes = openBytes(key, valueAad(context), sealed);
  try {
    if (!isUtf8(bytes)) throw new DecryptionError('the sealed value is not UTF-8');
    return bytes.toString();
  } finally {
    bytes.fill(0);
  }
}

function valueAad(context: ValueContext): Buffer {
  return netstrings([FORMAT, 'value', context.vaultId, context.name, String(context.version), context.kid]);
}

/**
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce: nonce ‖ ciphertext ‖ tag. The result owns its memory, so
 * handing it to a worker copies nothing else along.
 */
export function sealBytes(key: KeyObject, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const sealed = Buffer.allocUnsafeSlow(NONCE_BYTES + plaintext.length + TAG_BYTES);
  randomFillSync(sealed, 0, NONCE_BYTES);
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  sealed.set(cipher.update(plaintext), NONCE_BYTES);
  cipher.final();
  sealed.set(cipher.getAuthTag(), NONCE_BYTES + plaintext.length);
  return sealed;
}

/** Opens what `sealBytes` made; the caller wipes the result. Throws DecryptionError. */
export function openBytes(key: KeyObject, aad: Uint8Array, sealed: Uint8Array): Buffer {
  const tagAt = sealed.length - TAG_BYTES;
  if (tagAt < NONCE_BYTES) throw new DecryptionError('the sealed bytes are too short');
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, tagAt));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new DecryptionError('the sealed bytes do not open with this key in this place');
  }
  return plaintext;
}
