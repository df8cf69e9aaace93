import { constants } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../durable-folders.ts';
import { systemErrorCode } from '../errors.ts';
import type { TornTail } from './scan.ts';

/** Moves what is no part of the chain into a file of its own, durably; returns that file's name. */
export async function setAside(folder: string, tail: TornTail): Promise<string> {
  const source = await open(join(folder, tail.file), constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const { name, handle } = await createTornFile(folder, tail.file);
    try {
      const { buffer, bytesRead } = await source.read(Buffer.alloc(tail.bytes), 0, tail.bytes, tail.offset);
      await handle.writeFile(buffer.subarray(0, bytesRead));
      await handle.sync();
    } finally {
      await handle.close();
    }
    syncFolder(folder);
    await source.truncate(tail.offset);
    await source.sync();
    if (tail.offset === 0) {
      await unlink(join(folder, tail.file));
      syncFolder(folder);
    }
    return name;
  } finally {
    await source.close();
  }
}

async function createTornFile(folder: string, file: string) {
  for (let number = 1; ; number += 1) {
    const name = `${file}.${number}.torn`;
    try {
      return { name, handle: await open(join(folder, name), 'wx', 0o600) };
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
  }
}
