/** Reads a segment line by line in constant memory. */
import { createReadStream } from 'node:fs';

/** A line without its line feed. */
export interface SegmentLine {
  readonly bytes: Buffer;
  /** Where it begins in the file, in bytes. */
  readonly offset: number;
  /** False for what follows the last line feed. */
  readonly complete: boolean;
}

const chunkBytes = 1 << 20;
/** No record comes near this; what is longer is damage, and is handed on in pieces. */
const longestLine = 4 << 20;
const lineFeed = 0x0a;

/** Yields the lines of one read at a time, because awaiting each line would cost more than checking it. */
export async function* readLines(path: string): AsyncGenerator<SegmentLine[]> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    const data: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: SegmentLine[] = [];
    let start = 0;
    for (let end = data.indexOf(lineFeed); end !== -1; end = data.indexOf(lineFeed, start)) {
      lines.push({ bytes: data.subarray(start, end), offset: offset + start, complete: true });
      start = end + 1;
    }
    if (data.length - start > longestLine) {
      lines.push({ bytes: data.subarray(start), offset: offset + start, complete: false });
      start = data.length;
    }
    rest = data.subarray(start);
    offset += start;
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [{ bytes: rest, offset, complete: false }];
}
