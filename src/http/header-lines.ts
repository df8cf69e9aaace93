import type { IncomingMessage } from 'node:http';

/**
 * What each line of a header says, in order: Node's `headers` shows the first of several, or joins them. Takes the few that
 * are asked for out of what was sent, where `headersDistinct` would sort all of it first.
 * @param name in lower case
 */
export function headerLines({ rawHeaders }: IncomingMessage, name: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at];
    const line = rawHeaders[at + 1];
    if (sent?.length !== name.length || line === undefined) continue;
    if (sent.toLowerCase() === name) lines.push(line);
  }
  return lines;
}
