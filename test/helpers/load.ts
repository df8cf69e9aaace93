import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';

export interface ClientOptions {
  /** Where the service is: `http://…` or `https://…`, on loopback. */
  readonly url: string;
  /** PEM of the authority to trust; undefined for plain HTTP. */
  readonly ca: string | undefined;
  readonly keepAlive: boolean;
  /** The secret that is this client's own. */
  readonly secret: string;
}

/** What became of the requests of some clients. */
export interface Tally {
  answered: number;
  /** Nobody listened: not counted as failures. */
  refused: number;
  /** Broken off, answered with an error, or with a value that is not the latest acknowledged one. */
  readonly failures: string[];
}

/** Sends one request after another, and knows which change of its secret was acknowledged last. */
export class LoadClient {
  readonly #options: ClientOptions;
  readonly #agent: HttpAgent;
  #acknowledged = 0;
  #sent = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    const { keepAlive, ca } = options;
    // Without TLS sessions in store, each connection makes the whole handshake.
    const tls = { ca, servername: 'localhost', maxCachedSessions: 0 };
    this.#agent = options.url.startsWith('https:')
      ? new HttpsAgent({ keepAlive, maxSockets: 1, ...tls })
      : new HttpAgent({ keepAlive, maxSockets: 1 });
  }

  get secret(): string {
    return this.#options.secret;
  }

  /** The number in the change that was acknowledged last; 0 before the first. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Writes the secret once. @throws Error when that is not acknowledged */
  async write(): Promise<void> {
    this.#sent += 1;
    const value = this.#sent;
    const body = JSON.stringify({ value: String(value) });
    const { status, body: answer } = await this.#ask('PUT', `/secret/${this.secret}`, body);
    if (status !== 200 && status !== 201) throw new Error(`PUT answered ${status} ${answer}`);
    this.#acknowledged = value;
  }

  /** Reads the secret back. @throws Error when it is not what was acknowledged last, or sent later */
  async read(): Promise<void> {
    const { status, body } = await this.#ask('GET', `/secret/${this.secret}`);
    if (status !== 200) throw new Error(`GET answered ${status} ${body}`);
    const value = Number((JSON.parse(body) as { value: string }).value);
    if (value < this.#acknowledged || value > this.#sent) {
      throw new Error(`${this.secret} is ${value}; ${this.#acknowledged} was acknowledged`);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #ask(method: string, path: string, body?: string): Promise<{ status: number; body: string }> {
    const { url } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const headers = { 'x-jarvis-client': 'admin', ...type };
    (url.startsWith('https:') ? httpsRequest : httpRequest)(url + path, {
      method,
      headers,
      agent: this.#agent,
    })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
    const answer = await promise;
    return { status: answer.statusCode ?? 0, body: await text(answer) };
  }
}

/** Clients that send without pause. */
export class Load {
  readonly clients: readonly LoadClient[];
  readonly tally: Tally = { answered: 0, refused: 0, failures: [] };
  readonly #ended: Promise<unknown>;
  #stopped = false;

  /** @param writeEvery each client's first request and then every so many write, the others read */
  constructor(clients: readonly LoadClient[], writeEvery: number) {
    this.clients = clients;
    this.#ended = Promise.all(clients.map(client => this.#run(client, writeEvery)));
  }

  /** Resolves when no request is under way any more. */
  async stop(): Promise<Tally> {
    this.#stopped = true;
    await this.#ended;
    for (const client of this.clients) client.close();
    return this.tally;
  }

  async #run(client: LoadClient, writeEvery: number): Promise<void> {
    for (let count = 0; !this.#stopped; count++) {
      try {
        await (count % writeEvery === 0 ? client.write() : client.read());
        this.tally.answered += 1;
      } catch (error) {
        if (isRefusal(error)) {
          this.tally.refused += 1;
          await new Promise(resolve => setTimeout(resolve, 20));
        } else {
          this.tally.failures.push(`${client.secret}: ${String(error)}`);
        }
      }
    }
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
