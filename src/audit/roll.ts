/** How a new segment becomes part of the log. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChainPosition } from './chain.ts';
import type { UnfinishedIntent } from './intents.ts';
import { SegmentWriter } from './segment.ts';
import type { LogSettings } from './settings.ts';

/** A segment whose first lines are made, and whose file is not. */
export interface PlannedSegment {
  readonly file: string;
  readonly firstSeq: number;
  /** The `segment_opened` line, and those of intents that stand too far back. */
  readonly text: string;
  readonly restated: readonly UnfinishedIntent[];
  readonly follows: ChainPosition;
  /** Of the last of its lines. */
  readonly position: ChainPosition;
}

/**
 * Creates the file and registers it in the vault, in this order: after a crash in between the start finds a file with
 * nothing but these lines. Throws what the file system or the registry throws.
 */
export async function createRegistered(settings: LogSettings, next: PlannedSegment): Promise<SegmentWriter> {
  const path = join(settings.folder, next.file);
  await removeLeftover(settings, path, next.file);
  const segment = await SegmentWriter.create(path, next.text);
  try {
    const { file, firstSeq, follows, position } = next;
    await settings.registry.noteAudit(position, { file, firstSeq, previousHash: follows.hash });
    return segment;
  } catch (error) {
    segment.close();
    throw error;
  }
}

/** A file of this name can only be left from a try that could not be registered. */
async function removeLeftover(settings: LogSettings, path: string, file: string): Promise<void> {
  const segments = await settings.registry.auditSegments();
  if (segments.some(segment => segment.file === file)) {
    throw new Error(`${path} is registered already; a restart continues in it`);
  }
  await rm(path, { force: true });
}
