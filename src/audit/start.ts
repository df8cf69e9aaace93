/** Examines an audit folder before the log is opened. Changes nothing; refuses with a StartError. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, StartError, systemErrorCode } from '../errors.ts';
import { type ChainPosition, chainStart, readLink } from './chain.ts';
import { OpenIntents } from './intents.ts';
import { readLines } from './lines.ts';
import type { AuditFacts, RegisteredSegment } from './registry.ts';
import { acceptLossAdvice, type RecordRange, Scan, type ScanKeys, type TornTail } from './scan.ts';
import { isSegmentFile, type LogIdentity } from './structure.ts';

/** Where a log continues. */
export interface FoundLog {
  /** Null where the folder does not exist yet, or holds no segment. */
  readonly lastFile: string | null;
  readonly lastSize: number;
  readonly tip: ChainPosition;
  /** What the record at the tip says of the time, in milliseconds since the epoch; null where there is no record. */
  readonly tipTime: number | null;
  readonly intents: OpenIntents;
  readonly tornTails: readonly TornTail[];
  /** Records that stay although nothing proves them: the last segment is of a release without proofs. */
  readonly unproven: RecordRange | null;
  /** Whether the last segment promises proofs; one that does not is followed by one that does. */
  readonly announcesProofs: boolean;
}

export async function examineFolder(
  folder: string,
  identity: LogIdentity,
  facts: AuditFacts,
  keys: ScanKeys,
): Promise<FoundLog> {
  const unregistered = await unregisteredFiles(folder, facts.segments);
  const interrupted = await interruptedOpening(folder, unregistered, facts.segments);
  const last = facts.segments.at(-1);
  if (last === undefined) {
    return {
      lastFile: null,
      lastSize: 0,
      tip: chainStart,
      tipTime: null,
      intents: new OpenIntents(),
      tornTails: interrupted,
      unproven: null,
      announcesProofs: true,
    };
  }
  const scan = new Scan(folder, identity, facts, keys);
  for (const segment of facts.segments.slice(await scan.firstNeeded())) await scan.read(segment);
  scan.assertVaultAgrees();
  return {
    lastFile: last.file,
    lastSize: scan.size,
    tip: scan.tip,
    tipTime: scan.tipTime,
    intents: scan.intents,
    tornTails: [...scan.tornTails, ...interrupted],
    unproven: scan.unproven,
    announcesProofs: scan.announcesProofs,
  };
}

async function unregisteredFiles(folder: string, segments: readonly RegisteredSegment[]): Promise<string[]> {
  const found = await segmentFiles(folder);
  for (const { file } of segments) {
    if (!found.includes(file)) {
      throw new StartError(
        `The audit segment ${join(folder, file)} is missing, and the vault remembers it. ` +
          `Bring it back from where it went, or from the backup that the vault belongs to. ${acceptLossAdvice}`,
      );
    }
  }
  return found.filter(file => !segments.some(segment => segment.file === file));
}

async function segmentFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isSegmentFile).sort();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw new StartError(`The audit folder ${folder} cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** A crash between creating a segment and registering it leaves one file with at most its opening lines. */
async function interruptedOpening(
  folder: string,
  files: readonly string[],
  segments: readonly RegisteredSegment[],
): Promise<TornTail[]> {
  const tails: TornTail[] = [];
  for (const file of files) {
    const { size } = await stat(join(folder, file));
    const isLast = file === files.at(-1) && file > (segments.at(-1)?.file ?? '');
    if (!isLast || !(await holdsOpeningOnly(join(folder, file)))) {
      throw new StartError(
        `The vault does not know the audit segment ${join(folder, file)}. Either the vault was put back to an ` +
          `older state, or the file comes from another log: use the vault and the audit folder of the same moment. ${acceptLossAdvice}`,
      );
    }
    tails.push({ file, offset: 0, bytes: size, records: null });
  }
  return tails;
}

/** Whether a file has no more than the lines of a segment that is being opened: its first, and restated intents. */
async function holdsOpeningOnly(path: string): Promise<boolean> {
  let isFirst = true;
  for await (const lines of readLines(path)) {
    for (const { bytes, complete } of lines) {
      const belongs = isFirst || !complete || readLink(bytes)?.event === 'intent_restated';
      if (!belongs) return false;
      isFirst = false;
    }
  }
  return true;
}
