/** Checks a whole audit log, segment by segment, in constant memory; also while a service writes it. */
import type { KeyObject } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { type ChainPosition, chainStart, type Link, linkProblem, parseEntry, readLink } from './chain.ts';
import { isIntentOrOutcome, OpenIntents } from './intents.ts';
import { readLines, type SegmentLine } from './lines.ts';
import type { AuditEntry } from './record.ts';
import type { AuditFacts } from './registry.ts';
import { headerProblem, isSegmentFile, isSignedBy, isStructural, keyFingerprint } from './structure.ts';

export interface AuditProblem {
  readonly file: string;
  /** Counted from 1; 0 where the problem is not in a line. */
  readonly line: number;
  readonly reason: string;
}

export interface AuditReport {
  /** Audit events; structural records are not counted. */
  readonly records: number;
  readonly segments: number;
  /** Checkpoints whose signature is right. */
  readonly checkpoints: number;
  /** The first thousand; empty when the log is whole. */
  readonly problems: readonly AuditProblem[];
}

export interface VerifyRequest {
  readonly folder: string;
  readonly vaultId: string;
  readonly publicKey: KeyObject;
  /** Reads what the vault remembers now; null for a log checked without its vault, where a cut end cannot be seen. */
  readonly facts: (() => Promise<AuditFacts>) | null;
}

const mostProblems = 1000;
/** A failed write makes a running service take lines back: more failures than this in a row are no chance. */
const mostPasses = 5;

/**
 * A problem counts if two passes in a row see it: a service that writes may take back what a failed write left, and a
 * line may be seen half written. Throws what the file system throws.
 */
export async function verifyAudit(request: VerifyRequest): Promise<AuditReport> {
  let report = await runPass(request);
  for (let passes = 1; report.problems.length > 0 && passes < mostPasses; passes += 1) {
    const seen = new Set(report.problems.map(identify));
    const again = await runPass(request);
    const confirmed = again.problems.filter(problem => seen.has(identify(problem)));
    if (confirmed.length > 0 || again.problems.length === 0) return { ...again, problems: confirmed };
    report = again;
  }
  return report;
}

/** The numbers in a reason may grow from one pass to the next. */
function identify({ file, line, reason }: AuditProblem): string {
  return `${file}:${line}:${reason.replaceAll(/\d+/g, '')}`;
}

/**
 * What the vault remembers before the files are read must be in them; what is found in the files must be known to it
 * afterwards. So a service may write meanwhile.
 */
async function runPass(request: VerifyRequest): Promise<AuditReport> {
  const before = await request.facts?.();
  const verification = new Verification(request, before ?? null);
  const files = (await readdir(request.folder)).filter(isSegmentFile).sort();
  for (const file of files) await verification.read(file, file === files.at(-1));
  const after = await request.facts?.();
  if (after !== undefined) verification.compareWithVault(files, after);
  return verification.report(files.length);
}

class Verification {
  readonly #request: VerifyRequest;
  /** As of before the first file was read. */
  readonly #facts: AuditFacts | null;
  readonly #fingerprint: string;
  readonly #problems: AuditProblem[] = [];
  readonly #intents = new OpenIntents();
  /** Records that the vault remembers, by number. */
  readonly #remembered = new Map<number, string>();
  #tip: ChainPosition = chainStart;
  #records = 0;
  #checkpoints = 0;
  /** The furthest record that must be there whole. */
  readonly #known: number;
  #file = '';
  #isLast = false;
  #lineNumber = 0;
  #previousFile: string | null = null;
  /** Files that were taken away between their listing and their reading. */
  readonly #vanished = new Set<string>();

  constructor(request: VerifyRequest, facts: AuditFacts | null) {
    this.#request = request;
    this.#facts = facts;
    this.#fingerprint = keyFingerprint(request.publicKey);
    this.#known = facts ? Math.max(facts.position?.seq ?? 0, facts.lastIntent?.seq ?? 0) : Number.MAX_VALUE;
    for (const position of [facts?.position, facts?.lastIntent]) {
      if (position) this.#remembered.set(position.seq, position.hash);
    }
  }

  async read(file: string, isLast: boolean): Promise<void> {
    this.#file = file;
    this.#isLast = isLast;
    this.#lineNumber = 0;
    try {
      for await (const lines of readLines(join(this.#request.folder, file))) {
        for (const line of lines) this.#check(line);
      }
    } catch (error) {
      // Only a segment that is not registered yet is ever taken away again; others are missed later.
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      this.#vanished.add(file);
      return;
    }
    this.#previousFile = file;
  }

  /** `facts` are of after the last file was read. */
  compareWithVault(listed: readonly string[], facts: AuditFacts): void {
    const files = listed.filter(file => !this.#vanished.has(file));
    this.#compareSegments(files, facts);
    this.#lineNumber = 0;
    for (const seq of this.#remembered.keys()) {
      this.#report(
        `record ${seq}, which the vault remembers, is not in the log: its end was cut off or replaced`,
      );
    }
    const committed = this.#intents.committed?.seq ?? 0;
    if (committed > (facts.lastIntent?.seq ?? 0)) {
      this.#report(
        `record ${committed} announced a change that the vault does not hold: the vault is an older one`,
      );
    }
  }

  report(segments: number): AuditReport {
    return { records: this.#records, segments, checkpoints: this.#checkpoints, problems: this.#problems };
  }

  #compareSegments(files: readonly string[], facts: AuditFacts): void {
    for (const { file } of this.#facts?.segments ?? []) {
      if (!files.includes(file))
        this.#problemIn(file, 0, 'the vault remembers this segment, and it is missing');
    }
    const known = facts.segments.map(segment => segment.file);
    // The last one may be just being opened, or be what a crash left of that; the next start sets it aside.
    const opening = this.#lineNumber <= 1 ? files.at(-1) : undefined;
    for (const file of files) {
      if (!known.includes(file) && file !== opening)
        this.#problemIn(file, 0, 'the vault does not know this segment');
    }
  }

  #check(line: SegmentLine): void {
    // A line that is just being written, or that a crash tore: nobody was told that it is there.
    if (!line.complete && this.#isLast && this.#tip.seq >= this.#known) return;
    this.#lineNumber += 1;
    const link = readLink(line.bytes);
    const problem = line.complete ? linkProblem(line.bytes, link, this.#tip) : 'the line has no end';
    if (problem !== null) this.#report(problem);
    else if (link !== null) this.#checkContent(line.bytes, link);
    // After a problem the line is taken at its word, so that one fault is not reported again for every later line.
    if (link !== null) this.#tip = { seq: link.seq, hash: link.hash };
  }

  #checkContent(line: Buffer, link: Link): void {
    const remembered = this.#remembered.get(link.seq);
    if (remembered !== undefined) {
      this.#remembered.delete(link.seq);
      if (remembered !== link.hash) this.#report('the vault remembers another record with this number');
    }
    if (!isStructural(link.event)) this.#records += 1;
    const isHeader = this.#lineNumber === 1;
    if (!isHeader && !isStructural(link.event) && !isIntentOrOutcome(link.event)) return;
    try {
      this.#checkEntry(parseEntry(line), link, isHeader);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#report('the content is not an audit record');
    }
  }

  #checkEntry(entry: AuditEntry, link: Link, isHeader: boolean): void {
    if (isHeader) this.#checkHeader(entry, link);
    else if (entry.event === 'segment_opened') this.#report('a segment is opened in the middle of a file');
    if (entry.event === 'checkpoint') this.#checkSignature(entry);
    if (isIntentOrOutcome(entry.event) && !this.#intents.note({ seq: link.seq, hash: link.hash, entry })) {
      this.#report('the outcome has no intent before it');
    }
  }

  #checkHeader(entry: AuditEntry, link: Link): void {
    const identity = { vaultId: this.#request.vaultId, fingerprint: this.#fingerprint };
    const problem = headerProblem(entry, identity, this.#previousFile);
    if (problem !== null) this.#report(problem);
    const registered = this.#facts?.segments.find(segment => segment.file === this.#file);
    if (registered === undefined) return;
    if (registered.firstSeq !== link.seq || registered.previousHash !== link.previousHash) {
      this.#report('the segment does not begin where the vault remembers');
    }
  }

  #checkSignature(entry: AuditEntry): void {
    const { publicKey, vaultId } = this.#request;
    if (isSignedBy(publicKey, vaultId, this.#tip, entry)) this.#checkpoints += 1;
    else this.#report('the signature of the checkpoint is wrong');
  }

  #report(reason: string): void {
    this.#problemIn(this.#file, this.#lineNumber, reason);
  }

  #problemIn(file: string, line: number, reason: string): void {
    if (this.#problems.length < mostProblems) this.#problems.push({ file, line, reason });
  }
}
