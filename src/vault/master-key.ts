import { randomBytes, timingSafeEqual } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { errorMessage, StartError } from '../errors.ts';
import { ownerOnly, readPrivateFile } from '../file-access.ts';
import { createPrivateFile, removeUnfinished } from './private-file.ts';

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

export function newMasterKey(): Buffer {
  return randomBytes(MASTER_KEY_BYTES);
}

/**
 * Creates the file of a master key, mode 0600, in a folder made 0700 where it is missing: whole and durable when it returns, and
 * absent or whole when the process is killed before. Throws StartError, also when something stands at the path already.
 */
export function createMasterKey(path: string, key: Uint8Array): void {
  try {
    createPrivateFile(path, key);
  } catch (error) {
    throw new StartError(`cannot create the master key ${path}: ${errorMessage(error)}`, { cause: error });
  }
  if (timingSafeEqual(loadMasterKey(path), key)) return;
  throw new StartError(`another process made the master key ${path} at the same time; start again`);
}

/** Takes away what a killed `createMasterKey` left next to the key. */
export function removeUnfinishedMasterKey(path: string): void {
  removeUnfinished(path);
}

function decodeKey(content: Buffer): Buffer | null {
  if (content.length === MASTER_KEY_BYTES) return content;
  const text = content.toString('latin1').replace(/\r?\n$/, '');
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  if (/^[0-9a-zA-Z+/]{43}=$/.test(text)) return Buffer.from(text, 'base64');
  return null;
}
