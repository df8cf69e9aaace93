import { createInterface } from 'node:readline/promises';
import type { ReadStream, WriteStream } from 'node:tty';

/** Asks for one line on a terminal; null where there is none to ask at, or it is closed. */
export async function askAt(
  input: ReadStream,
  output: WriteStream,
  question: string,
): Promise<string | null> {
  if (!input.isTTY) return null;
  const terminal = createInterface({ input, output });
  try {
    const closed = new Promise<null>(resolve => terminal.once('close', () => resolve(null)));
    return await Promise.race([terminal.question(question), closed]);
  } finally {
    terminal.close();
  }
}
