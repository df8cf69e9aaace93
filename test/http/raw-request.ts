import { once } from 'node:events';
import { connect } from 'node:net';
import type { RunningService } from '../helpers/service.ts';

export type Header = readonly [name: string, value: string];

export interface RawAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A request as bytes, exactly as told: no client adds, joins, checks or normalises anything. */
export function requestBytes(
  method: string,
  target: string,
  headers: readonly Header[],
  body: string | Buffer = '',
): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`), Buffer.from(body)]);
}

/** Sends the bytes and reads until the service closes the connection, which the request must ask for. */
export async function sendBytes(service: RunningService, bytes: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, 'close');
  return parseAnswer(Buffer.concat(chunks).toString());
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(statusLine.split(' ')[1]), headers: new Map(headers), body: text.slice(end + 4) };
}
