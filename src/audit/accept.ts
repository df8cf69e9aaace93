/** Continues a log in spite of losses, and records them permanently. */
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncFolder } from '../durable-folders.ts';
import { systemErrorCode } from '../errors.ts';
import { type ChainPosition, encodeRecord, type Link, linkProblem, parseEntry, readLink } from './chain.ts';
import type { Examination } from './examination.ts';
import { readLines } from './lines.ts';
import {
  type AcceptedLoss,
  type AcceptedRecord,
  lossAccepted,
  lossAcceptedEvent,
  readAcceptedLoss,
} from './losses.ts';
import { digestFile } from './pinned-file.ts';
import { timeOf } from './read-segment.ts';
import type { AuditEntry } from './record.ts';
import { type RegisteredSegment, type RevisableRegistry, readFacts } from './registry.ts';
import type { AuditLogOptions } from './settings.ts';
import {
  checkpoint,
  checkpointMessage,
  isSegmentFile,
  isSignedBy,
  keyFingerprint,
  segmentFile,
  segmentOpened,
  tornTail,
  unprovenTail,
} from './structure.ts';
import { setAside } from './torn.ts';

export interface AcceptOptions
  extends Pick<AuditLogOptions, 'folder' | 'vaultId' | 'publicKey' | 'sign' | 'clock'> {
  readonly registry: RevisableRegistry;
}

/**
 * The segment that records the losses, under another name: it is complete and durable there before anything else
 * changes, so that an interrupted acceptance can be finished from it.
 */
export interface Acceptance {
  readonly segment: RegisteredSegment;
  /** Its last record, a checkpoint. */
  readonly end: ChainPosition;
  readonly losses: readonly AcceptedRecord[];
}

const preparedSuffix = '.accepting';

/** An acceptance that was interrupted, if there is one. Removes one that was not complete: nothing has followed from it. */
export async function findInterrupted(options: AcceptOptions): Promise<Acceptance | null> {
  const files = await readdir(options.folder).catch(error => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  });
  for (const file of files.filter(name => name.endsWith(preparedSuffix))) {
    const prepared = await readPrepared(options, file);
    if (prepared !== null) return prepared;
    await rm(join(options.folder, file));
  }
  return null;
}

/**
 * Writes the records of the losses, signed. Nothing else refers to them yet: `finish` does the rest.
 * @param outcomes for the intents that the examination found open
 */
export async function prepare(
  options: AcceptOptions,
  examination: Examination,
  reason: string,
  outcomes: readonly AuditEntry[],
): Promise<Acceptance> {
  const { folder, vaultId, publicKey, sign, clock } = options;
  makeFolder(folder);
  const structural: AuditEntry[] = [];
  for (const tail of examination.tails) {
    const keptAs = await setAside(folder, tail);
    const { file, bytes, records } = tail;
    structural.push(
      records === null ? tornTail(file, bytes, keptAs) : unprovenTail({ file, ...records, keptAs }),
    );
  }
  const losses: AcceptedLoss[] = [];
  for (const loss of examination.losses) losses.push(await pin(folder, loss, reason));
  const { end } = examination;
  const identity = { vaultId, fingerprint: keyFingerprint(publicKey) };
  const header = segmentOpened(identity, examination.follows, end.seq + 1);
  const time = new Date(clock()).toISOString();
  let position = end;
  let text = '';
  const add = (entry: AuditEntry) => {
    const encoded = encodeRecord(position, time, entry);
    position = encoded.position;
    text += encoded.line;
  };
  for (const entry of [header, ...structural, ...losses.map(lossAccepted), ...outcomes]) add(entry);
  add(checkpoint(sign(checkpointMessage(vaultId, position)), null));
  const file = segmentFile(end.seq + 1);
  await writePrepared(folder, file, text);
  const prepared = await readPrepared(options, file + preparedSuffix);
  if (prepared === null) throw new Error(`${file}${preparedSuffix} cannot be read back`);
  return prepared;
}

/** Moves foreign files aside, has the vault know the new segment, and gives it its name. May be repeated at any moment. */
export async function finish(options: AcceptOptions, { segment, end, losses }: Acceptance): Promise<void> {
  const { folder, registry } = options;
  for (const { file, keptAs } of losses) {
    if (keptAs !== '') await renameWhereFound(join(folder, file), join(folder, keptAs));
  }
  syncFolder(folder);
  const { segments } = await readFacts(registry);
  const present = new Set((await readdir(folder)).filter(isSegmentFile));
  const missing = losses.filter(({ what, file }) => what === 'missing' && !present.has(file));
  await registry.reviseAudit({
    position: end,
    add: [...(await adoptedBy(folder, losses, segments, present)), segment],
    drop: missing.map(({ file }) => file),
  });
  await renameWhereFound(join(folder, segment.file + preparedSuffix), join(folder, segment.file));
  syncFolder(folder);
}

async function pin(
  folder: string,
  loss: Examination['losses'][number],
  reason: string,
): Promise<AcceptedLoss> {
  const isThere = loss.what === 'damaged' || loss.what === 'foreign';
  const digest = isThere ? await digestFile(join(folder, loss.file)) : { bytes: 0, sha256: '' };
  const keptAs = loss.what === 'foreign' ? await freeName(folder, `${loss.file}.foreign`) : '';
  return { ...loss, ...digest, keptAs, reason };
}

async function freeName(folder: string, wanted: string): Promise<string> {
  const names = await readdir(folder);
  for (let number = 1; ; number += 1) {
    const name = `${wanted}.${number}`;
    if (!names.includes(name)) return name;
  }
}

async function writePrepared(folder: string, file: string, text: string): Promise<void> {
  const path = join(folder, file + preparedSuffix);
  const handle = await open(path, 'wx', 0o600);
  try {
    // An operator may be root: the service must be able to go on in it.
    const { uid, gid } = await stat(folder);
    if ((await handle.stat()).uid !== uid) await handle.chown(uid, gid);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  syncFolder(folder);
}

/** Null where it is not complete. */
async function readPrepared(
  { folder, vaultId, publicKey }: AcceptOptions,
  name: string,
): Promise<Acceptance | null> {
  const losses: AcceptedRecord[] = [];
  let first: Link | null = null;
  let position: ChainPosition | null = null;
  let isSigned = false;
  for await (const lines of readLines(join(folder, name))) {
    for (const { bytes, complete } of lines) {
      const link = readLink(bytes);
      if (link === null || !complete) return null;
      const previous: ChainPosition = position ?? { seq: link.seq - 1, hash: link.previousHash };
      if (linkProblem(bytes, link, previous) !== null) return null;
      const entry = parseEntry(bytes);
      first ??= link;
      isSigned = entry.event === 'checkpoint' && isSignedBy(publicKey, vaultId, previous, entry);
      if (entry.event === lossAcceptedEvent) losses.push(readAcceptedLoss(entry, link, timeOf(bytes)));
      position = { seq: link.seq, hash: link.hash };
    }
  }
  if (first === null || position === null || !isSigned) return null;
  const segment = { file: segmentFile(first.seq), firstSeq: first.seq, previousHash: first.previousHash };
  return { segment, end: position, losses };
}

/** Segments of this log that the vault did not know: it is older than they are. */
async function adoptedBy(
  folder: string,
  losses: readonly AcceptedRecord[],
  known: readonly RegisteredSegment[],
  present: ReadonlySet<string>,
): Promise<RegisteredSegment[]> {
  const adopted: RegisteredSegment[] = [];
  for (const { what, file } of losses) {
    if (what !== 'older_vault' || !present.has(file) || known.some(segment => segment.file === file))
      continue;
    for await (const [line] of readLines(join(folder, file))) {
      const link = line === undefined ? null : readLink(line.bytes);
      if (link !== null) adopted.push({ file, firstSeq: link.seq, previousHash: link.previousHash });
      break;
    }
  }
  return adopted;
}

async function renameWhereFound(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
