import type { Server as HttpServer, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { isIdle, latestAnswer, noteExchanges } from './exchanges.ts';
import { Handshakes } from './handshakes.ts';

/** How long nothing must move before an idle connection is closed: a busy client takes its time for the next request. */
const quietMs = 500;
/** A new connection gets longer for its first request: on a busy machine its client is told late that it is connected. */
const silentMs = 3000;
const sweepIntervalMs = 25;
/** How long no client must have connected before the listener closes, and when it closes if they never pause. */
const noAcceptMs = 100;
const acceptMs = 1000;

/** How much has moved on a connection, and since when no more has. */
interface Movement {
  bytes: number;
  sinceMs: number;
}

/**
 * Ends the connections of a server without breaking a request. From the start of the drain every answer is the last on
 * its connection and says so. A connection that has no request is closed only when it has been quiet, in the phase of
 * the event loop that comes right after everything readable was read: a request that the kernel already has is served.
 */
export class Drain {
  readonly #server: HttpServer;
  readonly #handshakes: Handshakes;
  readonly #connections = new Map<Socket, Movement>();
  #acceptedAtMs = -Infinity;
  #draining = false;

  constructor(server: HttpServer) {
    this.#server = server;
    this.#handshakes = new Handshakes(server);
    noteExchanges(server);
    server.on('connection', () => {
      this.#acceptedAtMs = performance.now();
    });
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#connections.set(socket, { bytes: 0, sinceMs: performance.now() });
      socket.once('close', () => this.#connections.delete(socket));
    });
  }

  /**
   * Ends the connections that are open now while new ones are accepted, so that no client has to wait for those.
   * Resolves when they have ended, or at the deadline.
   */
  async windDown(deadlineMs: number): Promise<void> {
    this.#start();
    const open = [...this.#connections.keys()];
    await this.#sweepUntil(nowMs => {
      this.#observe(nowMs);
      this.#closeIdle(nowMs, nowMs - quietMs);
      return open.every(socket => socket.closed);
    }, deadlineMs);
  }

  /**
   * Stops accepting and resolves when every connection has ended; at the deadline the rest are cut. An idle connection
   * is closed once nothing has moved on any: while requests arrive, its client may only be late.
   */
  async close(deadlineMs: number): Promise<void> {
    // Before any answer ends its connection: clients that connect again at once would keep the queue full.
    await this.#acceptWaiting();
    this.#start();
    let isClosed = false;
    // HttpServer.close() would at once destroy the connections that are idle, and those with an unread request.
    const closed = new Promise<void>(resolve =>
      NetServer.prototype.close.call(this.#server, () => resolve()),
    );
    void closed.then(() => {
      isClosed = true;
    });
    await this.#sweepUntil(nowMs => {
      if (isClosed) return true;
      const latestMs = this.#observe(nowMs);
      this.#closeIdle(nowMs, nowMs - latestMs < quietMs ? -Infinity : nowMs);
      if (nowMs - this.#handshakes.movedAtMs(nowMs) >= silentMs) this.#handshakes.cut();
      return false;
    }, deadlineMs);
    for (const socket of this.#connections.keys()) socket.destroy();
    this.#handshakes.cut();
    await closed;
  }

  #start(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#server.prependListener('request', (_request, answer) => endConnectionAfter(answer));
    for (const socket of this.#connections.keys()) {
      const answer = latestAnswer(socket);
      if (answer !== undefined) endConnectionAfter(answer);
    }
  }

  /**
   * The kernel resets the connections that wait to be accepted when the listener closes. Returns when none has come for a while,
   * right after the event loop has accepted what there was.
   */
  async #acceptWaiting(): Promise<void> {
    const endMs = performance.now() + acceptMs;
    do await nextTurn();
    while (performance.now() - this.#acceptedAtMs < noAcceptMs && performance.now() < endMs);
  }

  /** Notes what has moved since the last time; returns when anything last did. */
  #observe(nowMs: number): number {
    let latestMs = this.#handshakes.movedAtMs(nowMs);
    for (const [socket, movement] of this.#connections) {
      const bytes = socket.bytesRead + socket.bytesWritten;
      if (bytes !== movement.bytes) movement.sinceMs = nowMs;
      movement.bytes = bytes;
      latestMs = Math.max(latestMs, movement.sinceMs);
    }
    return latestMs;
  }

  /** @param quietSinceMs of connections that have served a request */
  #closeIdle(nowMs: number, quietSinceMs: number): void {
    for (const [socket, { sinceMs }] of this.#connections) {
      const latestMs = socket.bytesRead === 0 ? nowMs - silentMs : quietSinceMs;
      // Over TLS this says goodbye (close_notify) where destroy() would not.
      if (sinceMs <= latestMs && isIdle(socket) && !socket.writableEnded) socket.destroySoon();
    }
  }

  async #sweepUntil(sweep: (nowMs: number) => boolean, deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs;
    while (!sweep(performance.now()) && performance.now() < endMs) {
      await nextTurn();
    }
  }
}

/** Resolves when the event loop has read, after a timer, what there was to read, however late the timer came. */
async function nextTurn(): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, sweepIntervalMs));
  await new Promise(resolve => setImmediate(resolve));
}

function endConnectionAfter(answer: ServerResponse): void {
  if (!answer.headersSent) answer.setHeader('connection', 'close');
}
