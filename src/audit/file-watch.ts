/** Notices what others do to the files of a running log: it alone writes them. */
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { type ChainPosition, linkProblem, readLink } from './chain.ts';
import { readLines } from './lines.ts';
import type { AuditRegistry, RegisteredSegment } from './registry.ts';

/** Somebody else has changed, moved or removed files of the log; the message says which, and what was seen. */
export class FilesChanged extends Error {
  constructor(path: string, what: string) {
    super(`${path} ${what}: something else than the service did this`);
    this.name = 'FilesChanged';
  }
}

/** The mode bits that nobody but the owner, and a group that reads, may have. */
const forbiddenMode = 0o027n;

/** Why what was found at a path is not what was seen there before; null when it is. Times are not compared. */
export function differenceOf(seen: BigIntStats, found: BigIntStats | undefined): string | null {
  if (found === undefined) return 'is missing';
  if (found.ino !== seen.ino || found.dev !== seen.dev) return 'was removed or replaced';
  if (found.size < seen.size) return 'was truncated';
  if (found.size > seen.size) return 'has grown';
  if (found.uid !== seen.uid || found.gid !== seen.gid) return 'has another owner';
  if (found.mode !== seen.mode && (found.mode & forbiddenMode) !== 0n) return 'is open to other users';
  return null;
}

/** The folder and the segments that are closed; the open one is its writer's. */
export class FileWatch {
  readonly #folder: string;
  readonly #registry: AuditRegistry;
  /** By file name, as last found in order. */
  readonly #seen = new Map<string, BigIntStats>();
  #folderSeen: BigIntStats | null = null;

  constructor(folder: string, registry: AuditRegistry) {
    this.#folder = folder;
    this.#registry = registry;
  }

  /** Takes the folder and the file as they are now. */
  async add(file: string): Promise<void> {
    this.#folderSeen ??= await stat(this.#folder, { bigint: true });
    this.#seen.set(file, await stat(join(this.#folder, file), { bigint: true }));
  }

  /**
   * Throws FilesChanged at the first difference.
   * @param mayBeRestored whether another file with the same content will do: somebody may have brought it back
   */
  async check(mayBeRestored = false): Promise<void> {
    await this.#checkFolder();
    for (const [file, seen] of this.#seen) await this.#checkClosed(file, seen, mayBeRestored);
  }

  /** Reads a segment: up to `end` it must be the chain that was written. Throws FilesChanged. */
  async assertContent(file: string, end: ChainPosition): Promise<void> {
    const segments = await this.#registry.auditSegments();
    const registered = segments.find(segment => segment.file === file);
    if (registered === undefined) return;
    if (!(await leadsTo(join(this.#folder, file), registered, end))) {
      throw new FilesChanged(join(this.#folder, file), 'was edited');
    }
  }

  /** A new entry changes the folder's times and size, so only what it is counts. */
  async #checkFolder(): Promise<void> {
    if (this.#folderSeen === null) return;
    const found = await statIfThere(this.#folder);
    const seen = this.#folderSeen;
    const difference = differenceOf(seen, found && Object.assign(found, { size: seen.size }));
    if (difference !== null) throw new FilesChanged(this.#folder, difference);
  }

  async #checkClosed(file: string, seen: BigIntStats, mayBeRestored: boolean): Promise<void> {
    const path = join(this.#folder, file);
    const found = await statIfThere(path);
    const same = mayBeRestored && found ? Object.assign(seen, { ino: found.ino, dev: found.dev }) : seen;
    const difference = differenceOf(same, found);
    if (difference !== null || found === undefined) throw new FilesChanged(path, difference ?? 'is missing');
    if (found.ctimeNs === seen.ctimeNs) return;
    // A link, a new mode or `touch` changes this, too: the content decides.
    await this.#assertClosedContent(file);
    this.#seen.set(file, found);
  }

  async #assertClosedContent(file: string): Promise<void> {
    const segments = (await this.#registry.auditSegments()).toSorted((a, b) => a.firstSeq - b.firstSeq);
    const next = segments[segments.findIndex(segment => segment.file === file) + 1];
    if (next === undefined) return;
    await this.assertContent(file, { seq: next.firstSeq - 1, hash: next.previousHash });
  }
}

async function statIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function leadsTo(path: string, { firstSeq, previousHash }: RegisteredSegment, end: ChainPosition) {
  let position: ChainPosition = { seq: firstSeq - 1, hash: previousHash };
  for await (const lines of readLines(path)) {
    for (const { bytes } of lines) {
      if (position.seq >= end.seq) break;
      const link = readLink(bytes);
      if (link === null || linkProblem(bytes, link, position) !== null) return false;
      position = { seq: link.seq, hash: link.hash };
    }
  }
  return position.seq === end.seq && position.hash === end.hash;
}
