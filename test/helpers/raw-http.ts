import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** An answer as it came over the wire; header names in lower case. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A header set to null is left out, an array is sent as several headers. */
export type RawHeaders = Readonly<Record<string, string | readonly string[] | null>>;

/** Sends these bytes, whatever they are, and resolves with what comes back until the server hangs up. */
export async function exchange(url: string, bytes: string | Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  return parseAnswer(await text(socket));
}

/** A request as `admin` with a JSON body, spelled out as it is, which no client library would do. */
export function requestBytes(
  method: string,
  target: string,
  body: string | Buffer | undefined,
  headers: RawHeaders = {},
): Buffer {
  const all: RawHeaders = {
    host: '127.0.0.1',
    connection: 'close',
    'x-jarvis-client': 'admin',
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    [value ?? []].flat().map(each => `${name}: ${each}\r\n`),
  );
  const head = `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body ?? '')]);
}

function parseAnswer(answer: string): RawAnswer {
  const end = answer.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = answer.slice(0, end).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(statusLine.split(' ')[1]), headers: new Map(headers), body: answer.slice(end + 4) };
}
