/** Examines an audit folder before the log is opened. Changes nothing; refuses with a StartError. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, StartError, systemErrorCode } from '../errors.ts';
import { type ChainPosition, chainStart, linkProblem, parseEntry, readLink, readTime } from './chain.ts';
import { isIntentOrOutcome, OpenIntents } from './intents.ts';
import { readLines, type SegmentLine } from './lines.ts';
import type { AuditFacts, RegisteredSegment } from './registry.ts';
import { headerProblem, isSegmentFile, type LogIdentity } from './structure.ts';

/** The end of a file that is no part of the chain; `offset` 0 sets the whole file aside. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

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
}

/** An unregistered file that holds more than a header was written by someone else. */
const longestHeader = 4096;

export async function examineFolder(
  folder: string,
  identity: LogIdentity,
  facts: AuditFacts,
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
    };
  }
  const scan = new Scan(folder, identity, facts);
  for (const segment of facts.segments.slice(await scan.firstNeeded())) await scan.read(segment);
  scan.assertVaultAgrees();
  return {
    lastFile: last.file,
    lastSize: scan.size,
    tip: scan.tip,
    tipTime: scan.tipTime,
    intents: scan.intents,
    tornTails: [...scan.tornTails, ...interrupted],
  };
}

async function unregisteredFiles(folder: string, segments: readonly RegisteredSegment[]): Promise<string[]> {
  const found = await segmentFiles(folder);
  for (const { file } of segments) {
    if (!found.includes(file)) {
      throw new StartError(
        `The audit segment ${join(folder, file)} is missing, and the vault remembers it. ` +
          'Bring it back from where it went, or from the backup that the vault belongs to.',
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

/** A crash between creating a segment and registering it leaves one file with at most its header. */
async function interruptedOpening(
  folder: string,
  files: readonly string[],
  segments: readonly RegisteredSegment[],
): Promise<TornTail[]> {
  const tails: TornTail[] = [];
  for (const file of files) {
    const { size } = await stat(join(folder, file));
    const isLast = file === files.at(-1) && file > (segments.at(-1)?.file ?? '');
    if (!isLast || size > longestHeader || (await countLines(join(folder, file))) > 1) {
      throw new StartError(
        `The vault does not know the audit segment ${join(folder, file)}. Either the vault was put back to an ` +
          'older state, or the file comes from another log: use the vault and the audit folder of the same moment.',
      );
    }
    tails.push({ file, offset: 0, bytes: size });
  }
  return tails;
}

async function countLines(path: string): Promise<number> {
  let count = 0;
  for await (const lines of readLines(path)) count += lines.length;
  return count;
}

/** Follows the chain through the last segments. */
class Scan {
  tip: ChainPosition = chainStart;
  tipTime: number | null = null;
  size = 0;
  readonly intents = new OpenIntents();
  readonly tornTails: TornTail[] = [];
  readonly #folder: string;
  readonly #identity: LogIdentity;
  readonly #facts: AuditFacts;
  /** The furthest record that must be there. */
  readonly #known: number;
  #firstSeq = 0;

  constructor(folder: string, identity: LogIdentity, facts: AuditFacts) {
    this.#folder = folder;
    this.#identity = identity;
    this.#facts = facts;
    this.#known = Math.max(facts.position?.seq ?? 0, facts.lastIntent?.seq ?? 0);
  }

  /** Index of the segment with the oldest intent that had no outcome when the last segment was opened. */
  async firstNeeded(): Promise<number> {
    const { segments } = this.#facts;
    const last = segments.at(-1);
    if (last === undefined) return 0;
    const from = await this.#intentsFrom(last);
    return Math.max(
      0,
      segments.findLastIndex(segment => segment.firstSeq <= from),
    );
  }

  async read(segment: RegisteredSegment): Promise<void> {
    const index = this.#facts.segments.indexOf(segment);
    if (this.#firstSeq === 0) {
      this.#firstSeq = segment.firstSeq;
      this.tip = { seq: segment.firstSeq - 1, hash: segment.previousHash };
    }
    if (this.tip.seq !== segment.firstSeq - 1 || this.tip.hash !== segment.previousHash) {
      throw this.#refusal(segment.file, 1, 'the segment does not follow the one before it');
    }
    this.size = 0;
    let lineNumber = 0;
    for await (const lines of readLines(join(this.#folder, segment.file))) {
      for (const line of lines) {
        lineNumber += 1;
        const problem = this.#follow(line, segment, lineNumber, index);
        if (problem === null) {
          if (line === lines.at(-1)) this.tipTime = readTime(line.bytes);
          continue;
        }
        await this.#setTailAside(segment, line, lineNumber, problem, index);
        return;
      }
    }
  }

  /** The furthest records that the vault remembers are there, and it remembers the furthest commit. */
  assertVaultAgrees(): void {
    const last = this.#facts.segments.at(-1)?.file ?? '';
    if (this.tip.seq < this.#known) {
      throw new StartError(
        `The audit log ends with record ${this.tip.seq}, but the vault remembers record ${this.#known}: the end of ` +
          `${join(this.#folder, last)} was cut off. Bring back the whole file.`,
      );
    }
    const committed = this.intents.committed;
    if (committed !== null && committed.seq > (this.#facts.lastIntent?.seq ?? 0)) {
      throw new StartError(
        `The audit log in ${this.#folder} shows a change (record ${committed.seq}) that the vault does not hold: ` +
          'the vault was put back to an older state. Use the vault and the audit folder of the same moment.',
      );
    }
  }

  /** Takes one line in; a reason when it is not the next record. */
  #follow(line: SegmentLine, segment: RegisteredSegment, lineNumber: number, index: number): string | null {
    const link = readLink(line.bytes);
    const problem = line.complete ? linkProblem(line.bytes, link, this.tip) : 'the line has no end';
    if (problem !== null || link === null) return problem;
    if (lineNumber === 1) {
      const follows = this.#facts.segments[index - 1]?.file ?? null;
      const foreign = headerProblem(parseEntry(line.bytes), this.#identity, follows);
      if (foreign !== null) throw this.#refusal(segment.file, 1, foreign);
    }
    this.#assertRemembered(link, segment.file, lineNumber);
    if (isIntentOrOutcome(link.event)) {
      this.intents.note({ seq: link.seq, hash: link.hash, entry: parseEntry(line.bytes) });
    }
    this.tip = { seq: link.seq, hash: link.hash };
    this.size = line.offset + line.bytes.length + 1;
    return null;
  }

  #assertRemembered(link: ChainPosition, file: string, lineNumber: number): void {
    for (const remembered of [this.#facts.position, this.#facts.lastIntent]) {
      if (remembered?.seq === link.seq && remembered.hash !== link.hash) {
        throw this.#refusal(file, lineNumber, `record ${link.seq} is not the one that the vault remembers`);
      }
    }
  }

  /** What a power cut leaves half written lies at the end of the last segment, past all that the vault remembers. */
  async #setTailAside(
    segment: RegisteredSegment,
    line: SegmentLine,
    lineNumber: number,
    problem: string,
    index: number,
  ): Promise<void> {
    const isLast = index === this.#facts.segments.length - 1;
    if (!isLast || this.tip.seq < this.#known) throw this.#refusal(segment.file, lineNumber, problem);
    const { size } = await stat(join(this.#folder, segment.file));
    this.tornTails.push({ file: segment.file, offset: line.offset, bytes: size - line.offset });
  }

  async #intentsFrom(segment: RegisteredSegment): Promise<number> {
    for await (const [first] of readLines(join(this.#folder, segment.file))) {
      const from =
        first && readLink(first.bytes) ? parseEntry(first.bytes).detail?.['intents_from'] : undefined;
      if (typeof from === 'number') return from;
      break;
    }
    return segment.firstSeq;
  }

  #refusal(file: string, lineNumber: number, problem: string): StartError {
    return new StartError(
      `The audit log is damaged: ${join(this.#folder, file)}, line ${lineNumber}: ${problem}. ` +
        'Keep the file for inspection, and bring back the audit folder from a backup that fits the vault.',
    );
  }
}
