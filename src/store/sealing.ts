/**
 * The seal of a vault: the sums of its rows and where it stands, encrypted and authenticated under keys that hang on the
 * master key. docs/FORMAT.md, "The seal of the vault", has the bytes.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { groupCount, type SetValue } from './row-set.ts';
import type { SealFacts } from './seal-facts.ts';
import { tableNumbers } from './tables.ts';

/** The keys that only a holder of the master key can derive. */
export interface SealKeys {
  readonly rowSet: KeyObject;
  readonly seal: KeyObject;
}

export interface Seal extends SealFacts {
  readonly rows: SetValue;
}

const format = 1;
const saltBytes = 32;
const tagBytes = 16;
const additionalData = Buffer.from('jarvis-secretsd/1 vault seal');
/** Each seal has a key of its own, so no nonce is ever used twice with one. */
const nonce = Buffer.alloc(12);

/** salt ‖ AES-256-GCM(HKDF(seal key, salt), zero nonce, seal). */
export function closeSeal(key: KeyObject, seal: Seal): Uint8Array {
  const salt = randomBytes(saltBytes);
  const cipher = createCipheriv('aes-256-gcm', sealKey(key, salt), nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData);
  const sealed = Buffer.concat([salt, cipher.update(encode(seal)), cipher.final(), cipher.getAuthTag()]);
  return new Uint8Array(sealed);
}

/** Null where it was not made with this key, or was altered. */
export function openSeal(key: KeyObject, sealed: Uint8Array): Seal | null {
  if (sealed.length !== saltBytes + encodedBytes + tagBytes) return null;
  const salt = sealed.subarray(0, saltBytes);
  const decipher = createDecipheriv('aes-256-gcm', sealKey(key, salt), nonce, { authTagLength: tagBytes });
  decipher.setAAD(additionalData);
  decipher.setAuthTag(sealed.subarray(saltBytes + encodedBytes));
  const plain = decipher.update(sealed.subarray(saltBytes, saltBytes + encodedBytes));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return plain[0] === format ? decode(plain) : null;
}

/** Names the rows of a vault as they are, so that an operator accepts those that were shown and no others: 16 digits. */
export function acceptanceId({ seal }: SealKeys, rows: SetValue): string {
  const sums = rows.tables.map(table => `${table.rows} ${table.sum.toString(16)}\n`);
  return createHmac('sha256', seal)
    .update(`jarvis-secretsd/1 accept\n${sums.join('')}`)
    .digest('hex')
    .slice(0, 16);
}

function sealKey(key: KeyObject, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, 'jarvis-secretsd/1 one seal', 32));
}

/** Hexadecimal digits, as the commit has them. */
const hashBytes = 64;
const headBytes = 1 + 1 + 8 + 8 + hashBytes;
const tableBytes = 8 + 32;
const encodedBytes = headBytes + tableNumbers.length * tableBytes + groupCount * 8;

const hadTokenFlag = 1;
const announcedFlag = 2;

function encode({ commits, lastIntent, hadToken, announced, rows }: Seal): Buffer {
  const bytes = Buffer.alloc(encodedBytes);
  let at = bytes.writeUInt8(format, 0);
  at = bytes.writeUInt8((hadToken ? hadTokenFlag : 0) | (announced ? announcedFlag : 0), at);
  at = bytes.writeBigUInt64BE(BigInt(commits), at);
  at = bytes.writeBigUInt64BE(BigInt(lastIntent.seq), at);
  bytes.write(lastIntent.hash, at, hashBytes, 'latin1');
  at += hashBytes;
  for (const table of rows.tables) {
    at = bytes.writeBigUInt64BE(BigInt(table.rows), at);
    bytes.write(table.sum.toString(16).padStart(64, '0'), at, 'hex');
    at += 32;
  }
  for (const group of rows.groups) at = bytes.writeBigUInt64BE(group, at);
  return bytes;
}

function decode(bytes: Buffer): Seal {
  const flags = bytes.readUInt8(1);
  const seq = Number(bytes.readBigUInt64BE(10));
  const tables = tableNumbers.map((_, index) => {
    const at = headBytes + index * tableBytes;
    const sum = BigInt(`0x${bytes.toString('hex', at + 8, at + tableBytes)}`);
    return { rows: Number(bytes.readBigUInt64BE(at)), sum };
  });
  const groupsAt = headBytes + tableNumbers.length * tableBytes;
  const groups = BigUint64Array.from({ length: groupCount }, (_, index) =>
    bytes.readBigUInt64BE(groupsAt + index * 8),
  );
  return {
    commits: Number(bytes.readBigUInt64BE(2)),
    lastIntent: { seq, hash: bytes.toString('latin1', 18, 18 + hashBytes).replace(/\0+$/, '') },
    hadToken: (flags & hadTokenFlag) !== 0,
    announced: (flags & announcedFlag) !== 0,
    rows: { tables, groups },
  };
}
