import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { type Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Pair } from './certificates.ts';
import { parseSamples } from './service.ts';

export interface TlsAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether the connection had served a request before. */
  readonly reused: boolean;
}

export interface TlsRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Keeps the connection for its next request; without one each request has its own. */
  readonly agent?: Agent;
}

/** A client on loopback that trusts one authority, with a certificate of its own or none. */
export class TlsClient {
  readonly #connection: ConnectionOptions;

  constructor(port: number, ca: string, identity: Pair | null = null) {
    this.#connection = {
      host: '127.0.0.1',
      port,
      ca,
      servername: 'localhost',
      ...(identity === null ? {} : { cert: identity.certificate, key: identity.key }),
    };
  }

  async request(path: string, options: TlsRequest = {}): Promise<TlsAnswer> {
    const { method = 'GET', headers = {}, body, agent = false } = options;
    const asked = request({ ...this.#connection, path, method, headers, agent }).end(body);
    const [answer] = await once(asked, 'response');
    const { statusCode: status, headers: fields } = answer;
    return { status, headers: fields, body: await text(answer), reused: asked.reusedSocket };
  }

  /** As `incrementsOf` asks. */
  readonly scrape = async (): Promise<Map<string, number>> =>
    parseSamples((await this.request('/metrics')).body);

  /** A connection whose handshake is done. */
  async connect(options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = connect({ ...this.#connection, ...options });
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Sends these bytes, whatever they are, and resolves with what comes back until the server hangs up. */
  async exchange(bytes: string): Promise<string> {
    const socket = await this.connect();
    socket.write(bytes);
    return await text(socket);
  }
}
