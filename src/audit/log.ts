/** Opens the audit log: checks what is there, sets a torn end aside, and continues the chain. */
import { join } from 'node:path';
import { makeFolder } from '../durable-folders.ts';
import { errorMessage, StartError } from '../errors.ts';
import { FileWatch } from './file-watch.ts';
import type { UnfinishedIntent } from './intents.ts';
import type { AuditTrail } from './record.ts';
import { readFacts } from './registry.ts';
import { SegmentWriter } from './segment.ts';
import { SegmentedLog } from './segmented-log.ts';
import type { AuditLogOptions } from './settings.ts';
import { examineFolder, type FoundLog } from './start.ts';
import { keyFingerprint, tornTail, unprovenTail } from './structure.ts';
import { setAside } from './torn.ts';

export interface AuditLog extends AuditTrail {
  /** Of the key that signs checkpoints: SHA-256 of its public key as SPKI DER, in lower-case hexadecimal. */
  readonly fingerprint: string;
  /** What the newest record said of the time when the log was opened, in milliseconds since the epoch; null for a new log. */
  readonly lastRecordAt: number | null;
  /** Intents without outcome, ascending; after the start those that a crash left, for the vault to complete. */
  unfinishedIntents(): readonly UnfinishedIntent[];
  /** Signs what there is now, and with it how many commits the vault has; resolves when that is durable. */
  sign(): Promise<unknown>;
  /** For readiness. Throws ServiceError `unavailable` while the log cannot be written; tries to recover first. */
  probe(): Promise<void>;
  /** Signs and syncs what there is. Throws ServiceError `unavailable` when that fails. */
  close(): Promise<void>;
}

/** Throws StartError, having changed nothing, when the folder and what the vault remembers do not fit. */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  try {
    return await openExamined(options);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`The audit log in ${options.folder} cannot be opened: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

async function openExamined(options: AuditLogOptions): Promise<AuditLog> {
  const { folder, vaultId, publicKey, registry } = options;
  const identity = { vaultId, fingerprint: keyFingerprint(publicKey) };
  const facts = await readFacts(registry);
  const found = await examineFolder(folder, identity, facts, options);
  makeFolder(folder);
  const kept: string[] = [];
  for (const tail of found.tornTails) kept.push(await setAside(folder, tail));

  const segment = await reopenLast(options, found);
  const watch = new FileWatch(folder, registry);
  for (const { file } of facts.segments) {
    if (segment === null || file !== found.lastFile) await watch.add(file);
  }
  const lastFirstSeq = facts.segments.at(-1)?.firstSeq ?? 0;
  const log = new SegmentedLog(options, identity, { ...found, segment, lastFirstSeq }, watch);
  if (segment === null) await log.openNext();
  for (const [index, tail] of found.tornTails.entries()) {
    const { file, bytes, records } = tail;
    const keptAs = kept[index] ?? '';
    await log.appendStructural(
      records === null ? tornTail(file, bytes, keptAs) : unprovenTail({ file, ...records, keptAs }),
    );
  }
  if (found.unproven !== null && found.lastFile !== null) {
    await log.appendStructural(unprovenTail({ file: found.lastFile, ...found.unproven, keptAs: '' }));
  }
  return log;
}

/** The last segment when it is clean, has proofs and room; what it holds may not have been synced before a crash. */
async function reopenLast(options: AuditLogOptions, found: FoundLog): Promise<SegmentWriter | null> {
  if (found.lastFile === null || found.tornTails.length > 0 || !found.announcesProofs) return null;
  if (found.lastSize >= options.segmentBytes) return null;
  const segment = SegmentWriter.reopen(join(options.folder, found.lastFile));
  await segment.sync();
  return segment;
}
