/** A damaged file that was accepted must stay as it was then. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';

export interface FileDigest {
  readonly bytes: number;
  /** In lower-case hexadecimal. */
  readonly sha256: string;
}

/** Reads the file in constant memory. Throws what the file system throws. */
export async function digestFile(path: string): Promise<FileDigest> {
  const digest = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    digest.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: digest.digest('hex') };
}

export async function isUnchangedFile(
  folder: string,
  pinned: FileDigest & { readonly file: string },
): Promise<boolean> {
  try {
    const { bytes, sha256 } = await digestFile(join(folder, pinned.file));
    return bytes === pinned.bytes && sha256 === pinned.sha256;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
