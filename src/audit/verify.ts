/** Checks a whole audit log; also while a service writes it. */
import { readdir } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';
import { checkEnd, compareWithVault } from './comparison.ts';
import { type AcceptedRecord, describeLoss, isAccepted } from './losses.ts';
import { isUnchangedFile } from './pinned-file.ts';
import { type Problem, Reading, type ReadingRequest } from './reading.ts';
import type { AuditFacts } from './registry.ts';
import { isSegmentFile } from './structure.ts';

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
  /** Proofs whose tag is right; 0 where there is no key to check them with. */
  readonly proofs: number;
  /** The first thousand; empty when the log is whole but for what was accepted. */
  readonly problems: readonly AuditProblem[];
  /** Lines after the last signed checkpoint. */
  readonly unsigned: number;
  readonly acceptedLosses: number;
  /** What is known not to be whole, and no problem: accepted losses, and records that a start found unproven. */
  readonly notes: readonly string[];
}

export interface VerifyRequest extends ReadingRequest {
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

async function runPass(request: VerifyRequest): Promise<AuditReport> {
  const reading = await readLog(request);
  const problems = await unaccepted(request.folder, reading);
  return {
    records: reading.records,
    segments: reading.segments.length,
    checkpoints: reading.checkpoints,
    proofs: reading.proofs,
    problems: problems.slice(0, mostProblems).map(({ file, line, reason }) => ({ file, line, reason })),
    unsigned: reading.unsigned,
    acceptedLosses: reading.accepted.length,
    notes: [...reading.accepted.map(describeAccepted), ...reading.unproven.map(describeUnproven)],
  };
}

/**
 * What the vault remembers before the files are read must be in them; what is found in the files must be known to it
 * afterwards. So a service may write meanwhile. Throws what the file system throws.
 * @param isIgnored files that are known to be none of this log
 */
export async function readLog(
  request: VerifyRequest,
  isIgnored: (file: string) => boolean = () => false,
): Promise<Reading> {
  const before = await request.facts?.();
  const files = await listSegments(request.folder, before);
  const reading = new Reading(
    request,
    before ?? null,
    files.filter(file => !isIgnored(file)),
  );
  await reading.run();
  const after = await request.facts?.();
  if (request.prove !== null) checkEnd(reading, before ?? null);
  if (before !== undefined && after !== undefined) compareWithVault(reading, before, after);
  return reading;
}

/** A folder that is gone holds no segments, if the vault can say which ones it should hold. */
async function listSegments(folder: string, facts: AuditFacts | undefined): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isSegmentFile).sort();
  } catch (error) {
    if (facts !== undefined && systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The problems of a reading that no accepted loss explains. */
export async function unaccepted(folder: string, reading: Reading): Promise<Problem[]> {
  const unchanged = new Set<AcceptedRecord>();
  for (const accepted of reading.accepted) {
    if (accepted.what === 'damaged' && (await isUnchangedFile(folder, accepted))) unchanged.add(accepted);
  }
  const isUnchanged = (accepted: AcceptedRecord) => unchanged.has(accepted);
  return reading.problems.filter(
    ({ loss }) => loss === null || !isAccepted(loss, reading.accepted, isUnchanged),
  );
}

function describeAccepted(accepted: AcceptedRecord): string {
  const { seq, time, reason, keptAs } = accepted;
  const kept = keptAs === '' ? '' : `, and is in ${keptAs}`;
  return `accepted loss: ${describeLoss(accepted)}${kept}; accepted at ${time} with record ${seq}: ${JSON.stringify(reason)}`;
}

function describeUnproven({ seq, entry }: Reading['unproven'][number]): string {
  const { file, from, to, kept_as: keptAs } = entry.detail ?? {};
  const where = keptAs === '' ? 'they stay, written by a release without proofs' : `they are in ${keptAs}`;
  return `unproven: ${file}: a start found records ${from} to ${to} without a proof; ${where} (record ${seq})`;
}
