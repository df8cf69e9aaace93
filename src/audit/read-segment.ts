/** What a reading has found out about one segment. */
import { type ChainPosition, type Link, linkProblem } from './chain.ts';
import type { SegmentLine } from './lines.ts';
import type { Loss } from './losses.ts';
import type { RegisteredSegment } from './registry.ts';

export interface ReadSegment {
  readonly file: string;
  /** Its first record; null where there is none. */
  first: Link | null;
  /** Its last record; the end of the segment before it where there is none. */
  tip: ChainPosition;
  lines: number;
  /** Those that open it: its first, and intents that it restates. */
  openingLines: number;
  size: number;
  /** Null while it is as the service wrote it. */
  damage: Damage | null;
  damages: number;
  /** Whether it follows the segment before it. */
  follows: boolean;
  announcesProofs: boolean;
  /** Up to the last record that its registration, a checkpoint, a proof or the vault shows to be the service's own. */
  proven: ChainPosition & { readonly lines: number; readonly size: number };
  /** Whether it holds the records of accept-loss. */
  acceptsLoss: boolean;
}

/** The records in doubt; they grow while the segment is read. */
type Damage = { -readonly [Key in keyof Loss]: Loss[Key] };

export function newSegment(file: string, tip: ChainPosition): ReadSegment {
  return {
    file,
    first: null,
    tip,
    lines: 0,
    openingLines: 1,
    size: 0,
    damage: null,
    damages: 0,
    follows: true,
    announcesProofs: false,
    proven: { ...tip, lines: 0, size: 0 },
    acceptsLoss: false,
  };
}

/** Whether a line is a record, wherever it belongs. */
export function isWhole({ bytes, complete }: SegmentLine, link: Link): boolean {
  return complete && linkProblem(bytes, link, { seq: link.seq - 1, hash: link.previousHash }) === null;
}

export function isSameStart(registered: RegisteredSegment, link: Link): boolean {
  return registered.firstSeq === link.seq && registered.previousHash === link.previousHash;
}

/** For the beginning of a sentence about records. */
export function named({ from, to }: Pick<Loss, 'from' | 'to'>): string {
  return from === to ? `record ${from} is` : `records ${from} to ${to} are`;
}

/** The time of a line whose form has been checked. */
export function timeOf(line: Buffer): string {
  return /"time":"([^"]+)"/.exec(line.toString('latin1', 0, 120))?.[1] ?? '';
}

/** The registered segments that are not among the files; the last one reaches as far as the vault remembers. */
export function missingSegments(
  segments: readonly RegisteredSegment[],
  files: ReadonlySet<string>,
  known: number,
): Loss[] {
  return segments.flatMap(({ file, firstSeq, previousHash }, index): Loss[] => {
    if (files.has(file)) return [];
    const next = segments[index + 1]?.firstSeq ?? Math.max(known, firstSeq) + 1;
    return [{ what: 'missing', file, from: firstSeq, to: next - 1, before: previousHash }];
  });
}

/** Whether a segment holds nothing but the lines that open it: nobody has been told of a record in it. */
export function isOpening({ lines, openingLines }: ReadSegment): boolean {
  return lines <= openingLines;
}
