import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { RawAnswer } from './raw-http.ts';

/** A connection that sends what it is told to and reads answers off it one by one. */
export class RawConnection {
  readonly socket: Socket;
  /** Resolves when the connection has ended, however. */
  readonly closed: Promise<void>;
  #received = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise(resolve => void socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.setEncoding('latin1').on('data', text => {
      this.#received += text;
    });
  }

  /** @param localAddress where it comes from; all of 127.0.0.0/8 is this host */
  static async open(url: string, localAddress = '127.0.0.1'): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const connection = new RawConnection(connect({ port: Number(port), host: hostname, localAddress }));
    await once(connection.socket, 'connect');
    return connection;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** What came and has not been taken as an answer, a character a byte. */
  get rest(): string {
    return this.#received;
  }

  /** The next answer; rejects when the connection ends before it is whole. @throws Error when it is no HTTP/1.1 answer */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const next = takeAnswer(this.#received);
      if (next !== null) {
        this.#received = next.rest;
        return next.answer;
      }
      if (this.socket.closed) throw new Error(`the connection ended after ${JSON.stringify(this.#received)}`);
      await Promise.race([new Promise(resolve => void this.socket.once('data', resolve)), this.closed]);
    }
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** Opens one connection for one request, and reads its answer. */
export async function ask(url: string, bytes: string | Buffer, localAddress?: string): Promise<RawAnswer> {
  const connection = await RawConnection.open(url, localAddress);
  try {
    connection.send(bytes);
    return await connection.answer();
  } finally {
    connection.destroy();
  }
}

const statusLine = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/;
const headerLine = /^([!#$%&'*+.^`|~\w-]+): ?([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * Takes the first answer off a stream of them; null while it is not whole. As strict as RFC 9112 is, for it judges the
 * server. @throws Error saying what is not as it must be
 */
export function takeAnswer(stream: string, bodiless = false): { answer: RawAnswer; rest: string } | null {
  const end = stream.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [first = '', ...lines] = stream.slice(0, end).split('\r\n');
  const status = Number(statusLine.exec(first)?.[1] ?? fail('status line', first));
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = headerLine.exec(line) ?? fail('header', line);
    if (headers.has(name.toLowerCase())) fail('header that is there twice', line);
    headers.set(name.toLowerCase(), value);
  }
  const hasBody = !bodiless && status >= 200 && status !== 204 && status !== 304;
  const length = hasBody ? lengthOf(headers, first) : 0;
  const from = end + 4;
  if (stream.length < from + length) return null;
  const body = Buffer.from(stream.slice(from, from + length), 'latin1').toString();
  return { answer: { status, headers, body }, rest: stream.slice(from + length) };
}

/** The service knows the length of each answer before it sends it. */
function lengthOf(headers: ReadonlyMap<string, string>, first: string): number {
  const length = headers.get('content-length') ?? fail('answer without Content-Length', first);
  return /^\d+$/.test(length) ? Number(length) : fail('Content-Length', length);
}

function fail(what: string, text: string): never {
  throw new Error(`not HTTP: ${what} ${JSON.stringify(text.slice(0, 200))}`);
}
