/** Follows the chain through the last segments, up to the last record that is proven. */
import type { KeyObject } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../errors.ts';
import {
  type ChainPosition,
  chainStart,
  type Link,
  linkProblem,
  parseEntry,
  readLink,
  readTime,
} from './chain.ts';
import { isIntentNote, OpenIntents, type UnfinishedIntent } from './intents.ts';
import { readLines, type SegmentLine } from './lines.ts';
import type { AuditFacts, RegisteredSegment } from './registry.ts';
import {
  announcesProofs,
  commitsIn,
  headerProblem,
  isCountedBy,
  isProvenBy,
  isSignedBy,
  type LogIdentity,
  type Prove,
} from './structure.ts';

/** The end of a file that is no part of the chain; `offset` 0 sets the whole file aside. */
export interface TornTail {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  /** Whole records in it that nothing proves. */
  readonly records: RecordRange | null;
}

/** Both included. */
export interface RecordRange {
  readonly from: number;
  readonly to: number;
}

/** Ends every refusal that is about a damaged or incomplete log. */
export const acceptLossAdvice =
  'If that is impossible, jarvis-secretsd audit accept-loss shows what is missing and continues without it.';

export interface ScanKeys {
  readonly publicKey: KeyObject;
  readonly prove: Prove;
}

/** The end of what is known to be the service's own. */
interface ProvenEnd {
  readonly position: ChainPosition;
  /** Bytes of the segment up to it. */
  readonly size: number;
}

export class Scan {
  tip: ChainPosition = chainStart;
  /** Of the segment that was read last, in bytes, up to `tip`. */
  size = 0;
  readonly intents = new OpenIntents();
  readonly tornTails: TornTail[] = [];
  unproven: RecordRange | null = null;
  /** Whether the segment that was read last promises that each write ends with a proof. */
  announcesProofs = false;
  readonly #folder: string;
  readonly #identity: LogIdentity;
  readonly #facts: AuditFacts;
  readonly #keys: ScanKeys;
  /** The furthest record that must be there. */
  readonly #known: number;
  /** The most commits that a checkpoint says the vault had. */
  #commits = 0;
  #proven: ProvenEnd = { position: chainStart, size: 0 };
  /** Intents and outcomes after it. */
  #staged: UnfinishedIntent[] = [];
  #isFirst = true;
  #lastLine: Buffer | null = null;
  #provenLine: Buffer | null = null;

  constructor(folder: string, identity: LogIdentity, facts: AuditFacts, keys: ScanKeys) {
    this.#folder = folder;
    this.#identity = identity;
    this.#facts = facts;
    this.#keys = keys;
    this.#known = Math.max(facts.position?.seq ?? 0, facts.lastIntent?.seq ?? 0);
  }

  /** What the record at the tip says of the time, in milliseconds since the epoch; null where there is none. */
  get tipTime(): number | null {
    return this.#provenLine === null ? null : readTime(this.#provenLine);
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
    const isLast = index === this.#facts.segments.length - 1;
    if (this.#isFirst) this.tip = { seq: segment.firstSeq - 1, hash: segment.previousHash };
    this.#isFirst = false;
    if (this.tip.seq !== segment.firstSeq - 1 || this.tip.hash !== segment.previousHash) {
      throw this.#refusal(segment.file, 1, 'the segment does not follow the one before it');
    }
    this.size = 0;
    this.#prove();
    const damage = await this.#readSegment(segment, index);
    // The registered beginning of the segment after it proves all of an earlier one.
    if (!isLast) this.#prove();
    else if (this.announcesProofs || damage !== null) await this.#setTailAside(segment, damage);
    else this.#keepUnproven();
  }

  /** The furthest records that the vault remembers are there, and it remembers the furthest commit. */
  assertVaultAgrees(): void {
    const last = this.#facts.segments.at(-1)?.file ?? '';
    if (this.tip.seq < this.#known) {
      throw new StartError(
        `The audit log ends with record ${this.tip.seq}, but the vault remembers record ${this.#known}: the end of ` +
          `${join(this.#folder, last)} was cut off. Bring back the whole file. ${acceptLossAdvice}`,
      );
    }
    if (this.#facts.commits !== null && this.#commits > this.#facts.commits) {
      throw new StartError(
        `The audit log in ${this.#folder} knows ${this.#commits} commits of the vault, which holds ${this.#facts.commits}: ` +
          'the vault was put back to an older state. Use the vault and the audit folder of the same moment, or look at the ' +
          'vault and accept it with `jarvis-secretsd check`.',
      );
    }
    const committed = this.intents.committed;
    if (committed !== null && committed.seq > (this.#facts.lastIntent?.seq ?? 0)) {
      throw new StartError(
        `The audit log in ${this.#folder} shows a change (record ${committed.seq}) that the vault does not hold: ` +
          `the vault was put back to an older state. Use the vault and the audit folder of the same moment. ${acceptLossAdvice}`,
      );
    }
  }

  /** The first line that is not the next record, by its offset; null where there is none. */
  async #readSegment(segment: RegisteredSegment, index: number): Promise<number | null> {
    let lineNumber = 0;
    for await (const lines of readLines(join(this.#folder, segment.file))) {
      for (const line of lines) {
        lineNumber += 1;
        const problem = this.#follow(line, segment, lineNumber, index);
        if (problem === null) continue;
        const isLast = index === this.#facts.segments.length - 1;
        if (!isLast || this.tip.seq < this.#known) throw this.#refusal(segment.file, lineNumber, problem);
        return line.offset;
      }
    }
    return null;
  }

  /** Takes one line in; a reason when it is not the next record. */
  #follow(line: SegmentLine, segment: RegisteredSegment, lineNumber: number, index: number): string | null {
    const link = readLink(line.bytes);
    const problem = line.complete ? linkProblem(line.bytes, link, this.tip) : 'the line has no end';
    if (problem !== null || link === null) return problem;
    if (lineNumber === 1) this.#checkHeader(line.bytes, segment, index);
    this.#assertRemembered(link, segment.file, lineNumber);
    const isForged = this.#isForged(link, line.bytes);
    if (isForged) return 'it proves nothing: the service did not write it';
    if (link.event === 'checkpoint') {
      this.#commits = Math.max(this.#commits, commitsIn(parseEntry(line.bytes)) ?? 0);
    } else if (isIntentNote(link.event)) {
      this.#staged.push({ seq: link.seq, hash: link.hash, entry: parseEntry(line.bytes) });
    }
    this.tip = { seq: link.seq, hash: link.hash };
    this.#lastLine = line.bytes;
    this.size = line.offset + line.bytes.length + 1;
    if (lineNumber === 1 || link.seq <= this.#known || isEvidence(link.event)) this.#prove();
    return null;
  }

  #checkHeader(line: Buffer, segment: RegisteredSegment, index: number): void {
    const header = parseEntry(line);
    const follows = this.#facts.segments[index - 1]?.file ?? null;
    const foreign = headerProblem(header, this.#identity, follows);
    if (foreign !== null) throw this.#refusal(segment.file, 1, foreign);
    this.announcesProofs = announcesProofs(header);
  }

  /** Only past what the vault remembers: it proves all that is before. */
  #isForged({ event, seq }: Link, line: Buffer): boolean {
    if (seq <= this.#known || !isEvidence(event)) return false;
    const { publicKey, prove } = this.#keys;
    const { vaultId } = this.#identity;
    const entry = parseEntry(line);
    return event === 'proof'
      ? !isProvenBy(prove, vaultId, this.tip, entry)
      : !isSignedBy(publicKey, vaultId, this.tip, entry) || !isCountedBy(prove, vaultId, this.tip, entry);
  }

  #assertRemembered(link: ChainPosition, file: string, lineNumber: number): void {
    for (const remembered of [this.#facts.position, this.#facts.lastIntent]) {
      if (remembered?.seq === link.seq && remembered.hash !== link.hash) {
        throw this.#refusal(file, lineNumber, `record ${link.seq} is not the one that the vault remembers`);
      }
    }
  }

  /** All up to now is the service's own. */
  #prove(): void {
    this.#proven = { position: this.tip, size: this.size };
    this.#provenLine = this.#lastLine;
    for (const change of this.#staged) this.intents.note(change);
    this.#staged = [];
  }

  /**
   * A crash leaves lines half written, or whole without the proof that ends each write: nobody was told of them. Both lie
   * past all that the vault remembers.
   */
  async #setTailAside({ file }: RegisteredSegment, damagedFrom: number | null): Promise<void> {
    if (!this.announcesProofs) this.#keepUnproven();
    const { position, size: offset } = this.#proven;
    const records = this.tip.seq > position.seq ? { from: position.seq + 1, to: this.tip.seq } : null;
    if (records === null && damagedFrom === null) return;
    const { size } = await stat(join(this.#folder, file));
    this.tornTails.push({ file, offset, bytes: size - offset, records });
    this.tip = position;
    this.size = offset;
    this.#staged = [];
  }

  /** What a release without proofs acknowledged stays, and is said to be unproven. */
  #keepUnproven(): void {
    const from = this.#proven.position.seq + 1;
    if (this.tip.seq >= from) this.unproven = { from, to: this.tip.seq };
    this.#prove();
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
      `The audit log is damaged: ${join(this.#folder, file)}, line ${lineNumber}: ${problem}. Keep the file for ` +
        `inspection, and bring back the audit folder from a backup that fits the vault. ${acceptLossAdvice}`,
    );
  }
}

/** Whether a record says of the one before it that the service wrote it. */
function isEvidence(event: string): boolean {
  return event === 'proof' || event === 'checkpoint';
}
