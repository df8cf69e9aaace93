import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { errorMessage, StartError } from '../errors.ts';
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
  const content = readPrivateFile(path);
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

function readPrivateFile(path: string): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      checkPrivate(path, fstatSync(file));
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`cannot read the master key ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

function checkPrivate(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new StartError(`the master key ${path} is not a regular file`);
  const mode = stats.mode & 0o777;
  if ((mode & 0o077) === 0 || isServiceCredential(stats)) return;
  const octal = mode.toString(8).padStart(4, '0');
  throw new StartError(
    `the master key ${path} is open to other users (mode ${octal}); run: chmod 600 '${path}'`,
  );
}

/** A systemd credential under `User=` is root's, 0440: an ACL names the service, and its mask shows as group bits. */
function isServiceCredential(stats: Stats): boolean {
  return (stats.mode & 0o777) === 0o440 && stats.uid === 0 && stats.gid === 0;
}

function decodeKey(content: Buffer): Buffer | null {
  if (content.length === MASTER_KEY_BYTES) return content;
  const text = content.toString('latin1').replace(/\r?\n$/, '');
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  if (/^[0-9a-zA-Z+/]{43}=$/.test(text)) return Buffer.from(text, 'base64');
  return null;
}
