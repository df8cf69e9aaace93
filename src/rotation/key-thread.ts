/**
 * The thread that makes keys, one at a time. It works synchronously, so the thread pool that syncs files is not used, and
 * at a low priority, so requests get the processor first.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { KeyReply, KeyType } from './key-types.ts';

/** PKCS #8 in PEM (RFC 5208, RFC 7468) for the private key; the public key can be derived from it. */
const encoding = {
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
} as const;

const niceness = 10;

function makeKey(type: KeyType): string {
  return type === 'ed25519'
    ? generateKeyPairSync('ed25519', encoding).privateKey
    : generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding }).privateKey;
}

/** Linux has priorities of threads. Where they cannot be set, the thread competes as any other does. */
function lowerPriority(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), niceness);
  } catch {
    // No such system, or a sandbox forbids it.
  }
}

function answer(type: KeyType): KeyReply {
  try {
    return { pem: makeKey(type) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

lowerPriority();
parentPort?.on('message', (type: KeyType) => parentPort?.postMessage(answer(type)));
