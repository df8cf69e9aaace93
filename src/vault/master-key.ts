import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { errorMessage, StartError } from '../errors.ts';
import { ownerOnly, readPrivateFile } from '../file-access.ts';
import { createPrivateFile } from './private-file.ts';

export const MASTER_KEY_BYTES = 32;

/**
 * Whether anything stands at the path, readable or not: a key out of reach is not a key to create anew.
 * Throws StartError when the path cannot be looked at.
 */
export function masterKeyExists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw new StartError(`cannot look for the master key ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/**
 * The 32 bytes of a master key file: raw, or as 64 hexadecimal digits or 44 characters of base64 with or without a
 * line end. Throws StartError when the file is absent, of another size, or readable by others.
 */
export function loadMasterKey(path: string): Buffer {
  const content = readPrivateFile('the master key', path, ownerOnly);
  const key = decodeKey(content);
  if (key === content) return key;
  content.fill(0);
  if (key !== null) return key;
  throw new StartError(
    `the master key ${path} holds ${content.length} bytes that are not a key: ` +
      'it must be 32 raw bytes, 64 hexadecimal digits or 44 characters of base64',
  );
}

/**
 * Creates a master key file of 32 random bytes, mode 0600, in a folder made 0700 where it is missing; durable when it
 * returns. Throws StartError, also when something stands at the path already.
 */
export function createMasterKey(path: string): Buffer {
  const key = randomBytes(MASTER_KEY_BYTES);
  try {
    createPrivateFile(path, key);
  } catch (error) {
    throw new StartError(`cannot create the master key ${path}: ${errorMessage(error)}`, { cause: error });
  }
  return key;
}

function decodeKey(content: Buffer): Buffer | null {
  if (content.length === MASTER_KEY_BYTES) return content;
  const text = content.toString('latin1').replace(/\r?\n$/, '');
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  if (/^[0-9a-zA-Z+/]{43}=$/.test(text)) return Buffer.from(text, 'base64');
  return null;
}
