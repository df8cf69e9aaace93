/** Compares a log that has been read with what the vault remembers of it. */
import type { Loss } from './losses.ts';
import { isOpening, named } from './read-segment.ts';
import type { Reading } from './reading.ts';
import type { AuditFacts } from './registry.ts';

/**
 * Adds what is wrong to the problems of the reading.
 * @param before of before the first file was read
 * @param after of after the last one was
 */
export function compareWithVault(reading: Reading, before: AuditFacts, after: AuditFacts): void {
  for (const loss of reading.missing) {
    const reason = 'the vault remembers this segment, and it is missing';
    reading.add({ file: loss.file, line: 0, reason, loss });
  }
  reportUnknown(reading, after);
  reportCut(reading, before);
  reportOlderVault(reading, after);
}

/**
 * What stands at the end of the log without a proof: a crash left it, or somebody else wrote it. A segment that is just
 * being opened is not the end yet.
 */
export function checkEnd(reading: Reading, before: AuditFacts | null): void {
  const { segments } = reading;
  const last = segments.findLast(segment => !isOpening(segment));
  if (last === undefined || !last.announcesProofs || last.damage !== null) return;
  const isRegistered = (seq: number | undefined) => before?.segments.some(({ firstSeq }) => firstSeq === seq);
  if (segments.slice(segments.indexOf(last) + 1).some(({ first }) => isRegistered(first?.seq))) return;
  const { file, proven, tip } = last;
  if (tip.seq <= proven.seq) return;
  const records = named({ from: proven.seq + 1, to: tip.seq });
  reading.add({
    file,
    line: proven.lines + 1,
    reason: `${records} not proven to be the service's: a crash left them, or somebody else wrote them; the next start sets them aside`,
    loss: null,
  });
}

function reportUnknown(reading: Reading, after: AuditFacts): void {
  const known = after.segments.map(({ file }) => file);
  const last = reading.segments.at(-1);
  for (const segment of reading.segments) {
    const { file, first } = segment;
    // The last one may be just being opened, or be what a crash left of that; the next start sets it aside.
    if (known.includes(file) || (segment === last && isOpening(segment))) continue;
    const seq = first?.seq ?? 0;
    const loss: Loss = { what: 'foreign', file, from: seq, to: seq, before: '' };
    reading.add({ file, line: 0, reason: 'the vault does not know this segment', loss });
  }
}

/** What the vault remembers, and neither a missing segment nor a damaged one has held. */
function reportCut(reading: Reading, before: AuditFacts): void {
  const { missing, notFound, segments, tip } = reading;
  const reported = [...missing, ...segments.flatMap(({ damage }) => damage ?? [])];
  const isReported = (seq: number) => reported.some(({ from, to }) => from <= seq && seq <= to);
  const file = segments.at(-1)?.file ?? before.segments.at(-1)?.file ?? '';
  const lost = notFound.filter(seq => !isReported(seq));
  const furthest = Math.max(...lost);
  for (const seq of lost) {
    const isPastEnd = seq > tip.seq;
    if (isPastEnd && seq < furthest) continue;
    reading.add({
      file,
      line: 0,
      reason: `record ${seq}, which the vault remembers, is not in the log: its end was cut off or replaced`,
      loss: {
        what: 'missing',
        file,
        from: isPastEnd ? tip.seq + 1 : seq,
        to: seq,
        before: isPastEnd ? tip.hash : '',
      },
    });
  }
}

function reportOlderVault(reading: Reading, after: AuditFacts): void {
  const committed = reading.intents.committed?.seq ?? 0;
  const lastIntent = after.lastIntent?.seq ?? 0;
  if (committed <= lastIntent) return;
  const file = reading.segments.at(-1)?.file ?? '';
  reading.add({
    file,
    line: 0,
    reason: `record ${committed} announced a change that the vault does not hold: the vault is an older one`,
    loss: { what: 'older_vault', file, from: lastIntent + 1, to: committed, before: '' },
  });
}
