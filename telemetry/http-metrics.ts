import diagnosticsChannel from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Metrics } from './instruments.ts';
import { type Exchange, noTracing, type RequestTracing } from './tracing.ts';

/** The route template of a request whose latency is a service level; undefined for probes, scrapes and no route. */
export type RouteOf = (request: IncomingMessage) => string | undefined;

/** What Node publishes on `http.server.request.start` and `http.server.response.finish`. */
interface ExchangeMessage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
  readonly server: Server;
}

/** A response that is still owed. */
interface Pending {
  readonly response: ServerResponse;
  /** When it was asked for, in milliseconds. */
  readonly startedAt: number;
}

/** What is known of one connection from its first request on. */
interface Connection {
  /** The oldest first; several when the client pipelines. No Map: V8 would keep what it held long after (see RequestsUnderWay). */
  readonly pending: Pending[];
  /** Forgotten once it and its request are over, or a quiet connection would keep all that they hold. */
  latest: ServerResponse | undefined;
  /** Set once the parser has given up on the connection. */
  unreadable: boolean;
}

/** The methods of the semantic conventions; any other is `_OTHER`, since a client may invent as many as it likes. */
const knownMethods = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/**
 * Counts and times every HTTP request of `server`, those that never reach a route included. It looks on only: the
 * application must have `clientError` and `connect` listeners of its own, which answer 4xx wherever the socket is
 * writable; with none, Node leaves such sockets open. Returns what stops it.
 * @param tracing begins and ends the server span of each request
 */
export function recordHttpMetrics(
  server: Server,
  metrics: Metrics,
  routeOf: RouteOf,
  tracing: RequestTracing = noTracing,
): () => void {
  const recorder = new ExchangeRecorder(metrics, routeOf, tracing);
  // The channels speak of every server in the process.
  const onStart = (message: unknown) => {
    const exchange = message as ExchangeMessage;
    if (exchange.server === server) recorder.started(exchange);
  };
  const onFinish = (message: unknown) => {
    const exchange = message as ExchangeMessage;
    if (exchange.server === server) recorder.finished(exchange);
  };
  const onClientError = (error: NodeJS.ErrnoException, socket: Socket) => {
    if (isUnreadableRequest(error, socket)) recorder.unreadable(socket);
  };
  const onConnect = () => recorder.refused();

  diagnosticsChannel.subscribe('http.server.request.start', onStart);
  diagnosticsChannel.subscribe('http.server.response.finish', onFinish);
  // First in line, to see the socket before the application's answer has closed it.
  server.prependListener('clientError', onClientError);
  server.prependListener('connect', onConnect);
  return () => {
    diagnosticsChannel.unsubscribe('http.server.request.start', onStart);
    diagnosticsChannel.unsubscribe('http.server.response.finish', onFinish);
    server.off('clientError', onClientError);
    server.off('connect', onConnect);
  };
}

/**
 * A parse error or a timeout of bytes that a client did send; not a broken connection, nor a silent one, nor what comes
 * after a request with `Connection: close`, which is none (RFC 9112 §9.6).
 */
function isUnreadableRequest({ code = '' }: NodeJS.ErrnoException, socket: Socket): boolean {
  if (socket.bytesRead === 0 || code === 'HPE_CLOSED_CONNECTION') return false;
  return code.startsWith('HPE_') || code === 'ERR_HTTP_REQUEST_TIMEOUT';
}

class ExchangeRecorder {
  readonly #metrics: Metrics;
  readonly #routeOf: RouteOf;
  readonly #tracing: RequestTracing;
  readonly #connections = new WeakMap<Socket, Connection>();

  constructor(metrics: Metrics, routeOf: RouteOf, tracing: RequestTracing) {
    this.#metrics = metrics;
    this.#routeOf = routeOf;
    this.#tracing = tracing;
  }

  started({ request, response, socket }: ExchangeMessage): void {
    this.#metrics.requestReceived();
    this.#tracing.requestStarted(request, methodLabel(request));
    const connection = this.#connectionOf(socket);
    connection.latest = response;
    connection.pending.push({ response, startedAt: performance.now() });
  }

  finished({ response, socket }: ExchangeMessage): void {
    const connection = this.#connectionOf(socket);
    if (connection.latest === response && response.req.complete) connection.latest = undefined;
    const startedAt = take(connection.pending, response);
    if (startedAt === undefined) return;
    const seconds = secondsSince(startedAt);
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode < 300) this.#metrics.requestSucceeded();
    else if (statusCode >= 400) this.#metrics.requestFailed();
    const exchange = this.#exchange(response);
    const span = this.#tracing.requestFinished(exchange);
    this.#metrics.requestObserved(seconds, span);
    const { method, route } = exchange;
    if (route !== undefined) this.#metrics.routeServed(method, route, statusCode, seconds, span);
  }

  /** A request that Node answers with an event in place of a request: received, refused and over at once. */
  refused(): void {
    this.#metrics.requestReceived();
    this.#metrics.requestFailed();
    this.#metrics.requestObserved(0);
  }

  /**
   * Bytes that are no request, or the body of one that began well and then broke off. The parser is done with the
   * socket after the first such error; what it says later (the end of the stream, mostly) is about the same bytes.
   */
  unreadable(socket: Socket): void {
    const connection = this.#connectionOf(socket);
    if (connection.unreadable) return;
    connection.unreadable = true;
    const { latest, pending } = connection;
    if (latest === undefined || latest.req.complete) this.#malformed(socket, latest);
    else this.#brokenOff(latest, pending, socket.writable && !latest.headersSent);
  }

  /** Its answer comes after those that are owed before it, where the connection then still takes one. */
  #malformed(socket: Socket, latest: ServerResponse | undefined): void {
    this.#metrics.requestReceived();
    this.#metrics.requestObserved(0);
    const answered = () => {
      if (socket.writable) this.#metrics.requestFailed();
    };
    if (latest === undefined || latest.closed) answered();
    else latest.once('close', answered);
  }

  /** The request was counted when it began; when no answer can be written, the closing socket observes it. */
  #brokenOff(response: ServerResponse, pending: Pending[], answered: boolean): void {
    if (!answered) return;
    const startedAt = take(pending, response);
    if (startedAt === undefined) return;
    this.#tracing.requestAborted(this.#exchange(response));
    this.#metrics.requestFailed();
    this.#metrics.requestObserved(secondsSince(startedAt));
  }

  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const connection: Connection = { pending: [], latest: undefined, unreadable: false };
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#closed(connection));
    return connection;
  }

  /** What the connection still owed was aborted. A queued response has no `close` of its own; the socket always has. */
  #closed({ pending }: Connection): void {
    for (const { response, startedAt } of pending.splice(0)) {
      this.#tracing.requestAborted(this.#exchange(response));
      this.#metrics.requestObserved(secondsSince(startedAt));
    }
  }

  #exchange(response: ServerResponse): Exchange {
    const request = response.req;
    return { request, response, method: methodLabel(request), route: this.#route(request) };
  }

  /** An error thrown inside a channel's subscriber would end the process. */
  #route(request: IncomingMessage): string | undefined {
    try {
      return this.#routeOf(request);
    } catch {
      return undefined;
    }
  }
}

/** When the response was asked for; it is no longer owed. Undefined when it was not. */
function take(pending: Pending[], response: ServerResponse): number | undefined {
  const place = pending.findIndex(owed => owed.response === response);
  return place === -1 ? undefined : pending.splice(place, 1)[0]?.startedAt;
}

function methodLabel({ method = '' }: IncomingMessage): string {
  return knownMethods.has(method) ? method : '_OTHER';
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
