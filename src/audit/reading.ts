/** One reading of a whole log, segment by segment and in constant memory. */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { type ChainPosition, chainStart, type Link, linkProblem, parseEntry, readLink } from './chain.ts';
import { isIntentNote, OpenIntents, type UnfinishedIntent } from './intents.ts';
import { readLines, type SegmentLine } from './lines.ts';
import { type AcceptedRecord, type Loss, lossAcceptedEvent, readAcceptedLoss } from './losses.ts';
import {
  isSameStart,
  isWhole,
  missingSegments,
  named,
  newSegment,
  type ReadSegment,
  timeOf,
} from './read-segment.ts';
import type { AuditEntry } from './record.ts';
import type { AuditFacts } from './registry.ts';
import {
  announcesProofs,
  headerProblem,
  isCountedBy,
  isProvenBy,
  isSignedBy,
  isStructural,
  keyFingerprint,
  type Prove,
} from './structure.ts';

export interface Problem {
  readonly file: string;
  /** Counted from 1; 0 where the problem is not in a line. */
  readonly line: number;
  readonly reason: string;
  /** What is lost by it; null for records at the end that nothing proves: the next start sets them aside. */
  readonly loss: Loss | null;
}

export interface ReadingRequest {
  readonly folder: string;
  readonly vaultId: string;
  readonly publicKey: KeyObject;
  /** Null without the master key: proofs are not checked then. */
  readonly prove: Prove | null;
  /** Given every structural record, intent and outcome, in order. */
  readonly onRecord?: (record: UnfinishedIntent) => void;
}

/** Problems of one segment beyond this are not kept: they say no more, and must not hide those of others. */
const mostDamagesEach = 100;

export class Reading {
  readonly problems: Problem[] = [];
  readonly intents = new OpenIntents();
  readonly accepted: AcceptedRecord[] = [];
  /** `unproven_tail` records. */
  readonly unproven: { readonly seq: number; readonly entry: AuditEntry }[] = [];
  readonly segments: ReadSegment[] = [];
  /** Files that were taken away between their listing and their reading. */
  readonly vanished = new Set<string>();
  tip: ChainPosition = chainStart;
  records = 0;
  checkpoints = 0;
  proofs = 0;
  /** Lines after the last signed checkpoint. */
  unsigned = 0;
  /** The half line at the end of the last segment; a crash left it, or it is just being written. */
  tornLine: { readonly file: string; readonly offset: number } | null = null;
  readonly #request: ReadingRequest;
  /** As of before the first file was read. */
  readonly #facts: AuditFacts | null;
  readonly #fingerprint: string;
  readonly #files: readonly string[];
  /** Records that the vault remembers, by number. */
  readonly #remembered = new Map<number, string>();
  /** The furthest record that must be there whole. */
  readonly #known: number;
  #segment: ReadSegment = newSegment('', chainStart);
  #isLast = false;
  /** Whether the record being read proves those before it. */
  #isEvidence = false;
  /** Accepted losses that no checkpoint has signed yet. */
  #unsigned: AcceptedRecord[] = [];
  /** Whether records are missing before this place: an outcome may have lost its intent. */
  #hasGap = false;

  /** The registered segments that are not in the folder, each with its records. */
  readonly missing: readonly Loss[];

  constructor(request: ReadingRequest, facts: AuditFacts | null, files: readonly string[]) {
    this.#request = request;
    this.#facts = facts;
    this.#files = files;
    this.#fingerprint = keyFingerprint(request.publicKey);
    this.#known = facts ? Math.max(facts.position?.seq ?? 0, facts.lastIntent?.seq ?? 0) : Number.MAX_VALUE;
    this.missing = missingSegments(facts?.segments ?? [], new Set(files), this.#known);
    for (const position of [facts?.position, facts?.lastIntent]) {
      if (position) this.#remembered.set(position.seq, position.hash);
    }
  }

  /** Reads all segments in their order. Throws what the file system throws. */
  async run(): Promise<void> {
    for (const file of this.#files) await this.#read(file, file === this.#files.at(-1));
  }

  /** Records that the vault remembers and no segment has held. */
  get notFound(): readonly number[] {
    return [...this.#remembered.keys()].sort((a, b) => a - b);
  }

  async #read(file: string, isLast: boolean): Promise<void> {
    this.#segment = newSegment(file, this.tip);
    this.#isLast = isLast;
    this.#unsigned = [];
    try {
      for await (const lines of readLines(join(this.#request.folder, file))) {
        for (const line of lines) this.#check(line);
      }
    } catch (error) {
      // Only a segment that is not registered yet is ever taken away again; others are missed later.
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      this.vanished.add(file);
      return;
    }
    this.segments.push(this.#segment);
  }

  #check(line: SegmentLine): void {
    const segment = this.#segment;
    // A line that is just being written, or that a crash tore: nobody was told that it is there.
    if (!line.complete && this.#isLast && this.tip.seq >= this.#known) {
      this.tornLine = { file: segment.file, offset: line.offset };
      return;
    }
    segment.lines += 1;
    this.#isEvidence = false;
    const link = readLink(line.bytes);
    const problem = line.complete ? linkProblem(line.bytes, link, this.tip) : 'the line has no end';
    const jumps = problem !== null && segment.lines === 1 && link !== null && isWhole(line, link);
    if (jumps) this.#jump(link, problem);
    else if (problem !== null) this.#damage(problem, link?.seq);
    if (segment.lines === 1 && link !== null) segment.first = link;
    if (link !== null && (problem === null || jumps)) this.#checkContent(line, link);
    // After a problem the line is taken at its word, so that one fault is not reported again for every later line.
    if (link !== null) this.tip = { seq: link.seq, hash: link.hash };
    if (segment.damage !== null) segment.damage.to = Math.max(segment.damage.to, this.tip.seq);
    segment.tip = this.tip;
    this.unsigned += 1;
    segment.size = line.offset + line.bytes.length + 1;
    const isRemembered = this.#facts !== null && this.tip.seq <= this.#known;
    if (this.#isEvidence || isRemembered) {
      segment.proven = { ...this.tip, lines: segment.lines, size: segment.size };
    }
  }

  /** The segment does not follow the one before it. */
  #jump(link: Link, problem: string): void {
    this.#segment.follows = false;
    this.#hasGap = true;
    const previous = this.segments.at(-1);
    // Its damage is reported already, and these records are part of it.
    if (previous?.damage != null) {
      previous.damage.to = Math.max(previous.damage.to, link.seq - 1);
      return;
    }
    if (link.seq <= this.tip.seq + 1) {
      this.#damage(problem, link.seq);
      return;
    }
    // Missing segments are reported by themselves.
    const [gone] = this.missing.filter(({ from, to }) => from > this.tip.seq && to < link.seq);
    const records = { from: this.tip.seq + 1, to: (gone?.from ?? link.seq) - 1 };
    if (records.to < records.from) return;
    const file = previous?.file ?? this.#segment.file;
    this.add({
      file,
      line: 0,
      reason: `${named(records)} missing at its end: ${this.#segment.file} begins with record ${link.seq}`,
      loss: { what: 'missing', file, ...records, before: this.tip.hash },
    });
  }

  #checkContent(line: SegmentLine, link: Link): void {
    const remembered = this.#remembered.get(link.seq);
    if (remembered !== undefined) {
      this.#remembered.delete(link.seq);
      if (remembered !== link.hash) this.#damage('the vault remembers another record with this number');
    }
    if (!isStructural(link.event)) this.records += 1;
    const isHeader = this.#segment.lines === 1;
    const isRead = isStructural(link.event) || isIntentNote(link.event) || link.event === lossAcceptedEvent;
    if (!isHeader && !isRead) return;
    try {
      this.#checkEntry(line.bytes, parseEntry(line.bytes), link, isHeader);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#damage('the content is not an audit record');
    }
  }

  #checkEntry(line: Buffer, entry: AuditEntry, link: Link, isHeader: boolean): void {
    if (isHeader) this.#checkHeader(entry, link);
    this.#request.onRecord?.({ seq: link.seq, hash: link.hash, entry });
    const { openingLines, lines } = this.#segment;
    if (entry.event === 'intent_restated' && lines === openingLines + 1) this.#segment.openingLines = lines;
    switch (entry.event) {
      case 'segment_opened':
        if (!isHeader) this.#damage('a segment is opened in the middle of a file');
        return;
      case 'checkpoint':
        this.#checkSignature(entry);
        return;
      case 'proof':
        this.#checkProof(entry);
        return;
      case 'unproven_tail':
        this.unproven.push({ seq: link.seq, entry });
        return;
      case lossAcceptedEvent:
        this.#segment.acceptsLoss = true;
        this.#unsigned.push(readAcceptedLoss(entry, link, timeOf(line)));
        return;
      default:
        this.#checkIntent(entry, link);
    }
  }

  #checkIntent(entry: AuditEntry, link: Link): void {
    // In a damaged segment anybody may have written it.
    if (!isIntentNote(entry.event) || this.#segment.damage !== null) return;
    const isExpected = this.intents.note({ seq: link.seq, hash: link.hash, entry });
    if (!isExpected && !this.#hasGap) this.#damage('the outcome has no intent before it');
  }

  #checkHeader(entry: AuditEntry, link: Link): void {
    const segment = this.#segment;
    const identity = { vaultId: this.#request.vaultId, fingerprint: this.#fingerprint };
    segment.announcesProofs = announcesProofs(entry);
    // After a gap the file before it is not there to be compared with.
    const follows = segment.follows ? this.segments.at(-1)?.file : entry.detail?.['follows'];
    const problem = headerProblem(entry, identity, typeof follows === 'string' ? follows : null);
    if (problem !== null) this.#damage(problem);
    const registered = this.#facts?.segments.find(({ file }) => file === segment.file);
    if (registered !== undefined && !isSameStart(registered, link)) {
      this.#damage('the segment does not begin where the vault remembers');
    }
  }

  #checkSignature(entry: AuditEntry): void {
    const { publicKey, vaultId } = this.#request;
    if (!isSignedBy(publicKey, vaultId, this.tip, entry)) {
      this.#damage('the signature of the checkpoint is wrong');
      return;
    }
    const { prove } = this.#request;
    if (prove !== null && !isCountedBy(prove, vaultId, this.tip, entry)) {
      this.#damage('the number of commits in the checkpoint is not from the service');
    }
    this.checkpoints += 1;
    this.unsigned = -1;
    this.#isEvidence = true;
    if (this.#segment.damage === null) this.accepted.push(...this.#unsigned);
    this.#unsigned = [];
  }

  #checkProof(entry: AuditEntry): void {
    const { prove, vaultId } = this.#request;
    if (prove === null) return;
    if (!isProvenBy(prove, vaultId, this.tip, entry)) {
      this.#damage('the proof is wrong: the service did not write it');
      return;
    }
    this.proofs += 1;
    this.#isEvidence = true;
  }

  #damage(reason: string, seq: number = this.tip.seq + 1): void {
    const segment = this.#segment;
    this.#hasGap = true;
    const from = Math.max(1, Math.min(seq, this.tip.seq + 1));
    segment.damages += 1;
    segment.damage ??= { what: 'damaged', file: segment.file, from, to: from, before: '' };
    if (segment.damages > mostDamagesEach) return;
    this.add({ file: segment.file, line: segment.lines, reason, loss: segment.damage });
  }

  add(problem: Problem): void {
    this.problems.push(problem);
  }
}
