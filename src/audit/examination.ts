/** What an operator would accept: every loss of a log, in full, before anything is changed. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChainPosition } from './chain.ts';
import type { UnfinishedIntent } from './intents.ts';
import type { Loss } from './losses.ts';
import { isOpening, type ReadSegment } from './read-segment.ts';
import type { Reading } from './reading.ts';
import type { AuditRegistry } from './registry.ts';
import { type AuditFacts, type RegisteredSegment, readFacts } from './registry.ts';
import type { TornTail } from './scan.ts';
import { readLog, unaccepted, type VerifyRequest } from './verify.ts';

export interface Examination {
  /** Empty where there is nothing to accept. */
  readonly losses: readonly Loss[];
  /** Whether there are records at the end that nothing proves; a start sets them aside by itself. */
  readonly hasUnprovenEnd: boolean;
  /** Segments that the vault does not know and that are this log's own: the vault is older than they are. */
  readonly adopted: readonly RegisteredSegment[];
  /** What a crash left at the end, which is no loss. */
  readonly tails: readonly TornTail[];
  /** The record that the next one follows: the furthest that is there or that the vault remembers. */
  readonly end: ChainPosition;
  readonly openIntents: readonly UnfinishedIntent[];
  /** The segment that the new one follows, as the vault will know it; null where none is left. */
  readonly follows: string | null;
}

const unknownHash = '0'.repeat(64);

/** For a log that nobody writes. Throws what the file system throws. */
export async function examineLosses(
  request: Omit<VerifyRequest, 'facts'>,
  registry: AuditRegistry,
): Promise<Examination> {
  const facts = await readFacts(registry);
  const asIs = { ...request, facts: async () => facts };
  const first = await readLog(asIs);
  const foreign = first.problems.flatMap(({ loss }) => (loss?.what === 'foreign' ? loss : []));
  const strange = foreignFiles(first, foreign);
  const reading = strange.size === 0 ? first : await readLog(asIs, file => strange.has(file));
  const adopted = reading.segments.filter(({ file }) => foreign.some(loss => loss.file === file));
  const problems = await unaccepted(request.folder, reading);
  const losses = new Set([
    ...problems.flatMap(({ loss }) => (loss === null || loss.what === 'foreign' ? [] : loss)),
    ...adopted.map(olderVault),
    ...foreign.filter(({ file }) => strange.has(file)).map(loss => ({ ...loss, from: 0, to: 0 })),
  ]);
  const hasUnprovenEnd = problems.some(({ loss }) => loss === null);
  const last = reading.segments.findLast(segment => !isInterruptedOpening(segment, facts));
  const end = endOf(last, facts, hasUnprovenEnd);
  return {
    losses: [...losses].sort((a, b) => a.from - b.from),
    hasUnprovenEnd,
    adopted: adopted.flatMap(registrationOf),
    tails: await tailsOf(request.folder, reading, facts, hasUnprovenEnd),
    end,
    follows:
      [...facts.segments.map(({ file }) => file), ...adopted.map(({ file }) => file)].findLast(
        file => !reading.missing.some(loss => loss.file === file),
      ) ?? null,
    openIntents: reading.intents.list().filter(({ seq }) => seq <= end.seq),
  };
}

/** The unknown files that are not this log's own: the first that does not continue it, and all after that. */
function foreignFiles({ segments }: Reading, unknown: readonly Loss[]): Set<string> {
  const files = unknown.map(({ file }) => file);
  const firstForeign = segments.findIndex(segment => files.includes(segment.file) && !continuesLog(segment));
  if (firstForeign === -1) return new Set();
  return new Set(segments.slice(firstForeign).flatMap(({ file }) => (files.includes(file) ? file : [])));
}

function continuesLog({ damage, follows, proven, tip }: ReadSegment): boolean {
  return damage === null && follows && proven.seq === tip.seq;
}

function olderVault({ file, first, tip }: ReadSegment): Loss {
  return { what: 'older_vault', file, from: first?.seq ?? tip.seq, to: tip.seq, before: '' };
}

function registrationOf({ file, first }: ReadSegment): RegisteredSegment[] {
  return first === null ? [] : [{ file, firstSeq: first.seq, previousHash: first.previousHash }];
}

function isInterruptedOpening(segment: ReadSegment, facts: AuditFacts): boolean {
  return isOpening(segment) && !facts.segments.some(({ file }) => file === segment.file);
}

/** No number that was ever given is given again, as far as anybody knows. */
function endOf(last: ReadSegment | undefined, facts: AuditFacts, hasUnprovenEnd: boolean): ChainPosition {
  const known = [facts.position, facts.lastIntent].reduce((furthest, position) =>
    (position?.seq ?? 0) > (furthest?.seq ?? 0) ? position : furthest,
  ) ?? { seq: 0, hash: unknownHash };
  if (last === undefined) return known;
  const { seq, hash } = hasUnprovenEnd ? last.proven : last.tip;
  // The numbers in a damaged segment may be anything.
  const most = Math.max(known.seq, (last.first?.seq ?? 0) + last.lines);
  if (last.damage !== null && seq > most) return { seq: most, hash: unknownHash };
  return seq >= known.seq ? { seq, hash } : known;
}

async function tailsOf(
  folder: string,
  { segments, tornLine }: Reading,
  facts: AuditFacts,
  hasUnprovenEnd: boolean,
): Promise<TornTail[]> {
  const tails: TornTail[] = [];
  for (const segment of segments) {
    const { file, tip, proven } = segment;
    const { size } = await lstat(join(folder, file));
    if (isInterruptedOpening(segment, facts)) {
      tails.push({ file, offset: 0, bytes: size, records: null });
    } else if (segment === segments.findLast(each => !isOpening(each))) {
      const records = hasUnprovenEnd ? { from: proven.seq + 1, to: tip.seq } : null;
      const offset = hasUnprovenEnd ? proven.size : tornLine?.file === file ? tornLine.offset : size;
      if (offset < size) tails.push({ file, offset, bytes: size - offset, records });
    }
  }
  return tails;
}
