/** Verification with the public key alone: on any machine, without the master key and the vault. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, StartError } from '../errors.ts';
import { parseEntry, readLink } from './chain.ts';
import { readLines } from './lines.ts';
import { isSegmentFile } from './structure.ts';

/** The key in a PEM file, as `audit key` prints it. @throws StartError */
export function readPublicKey(path: string): KeyObject {
  try {
    const key = createPublicKey(readFileSync(path));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw new StartError(`${path} holds no public key: ${errorMessage(error)}`, { cause: error });
  }
  throw new StartError(
    `the public key in ${path} is not one of Ed25519; jarvis-secretsd audit key prints the right one`,
  );
}

/** The vault that the first segment of a folder names; each signature binds it. @throws StartError */
export async function vaultIdOf(folder: string): Promise<string> {
  const [first] = segmentsOf(folder);
  if (first === undefined) throw new StartError(`there is no audit segment in ${folder}`);
  for await (const [line] of readLines(join(folder, first))) {
    const id = line && readLink(line.bytes) ? parseEntry(line.bytes).detail?.['vault_id'] : undefined;
    if (typeof id === 'string') return id;
    break;
  }
  throw new StartError(`${join(folder, first)} does not begin with segment_opened`);
}

function segmentsOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter(isSegmentFile).sort();
  } catch (error) {
    throw new StartError(`the audit folder ${folder} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
