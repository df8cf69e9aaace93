import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Metrics } from '../../telemetry/instruments.ts';

/**
 * Keeps a server to so many connections without letting anybody hold them all: at the cap the one that has kept the
 * service waiting for longest makes room, be it for a request, for the rest of one, or for its answers to be read. A new
 * connection is refused only while the service itself is at work for every other.
 */
export class ConnectionCap {
  readonly #most: number;
  readonly #metrics: Pick<Metrics, 'connectionDropped'>;
  /**
   * The answers that each connection is owed, in an array for the reason that RequestsUnderWay has; the connection first on which
   * nothing has begun or ended for longest.
   */
  readonly #owed = new Map<Socket, ServerResponse[]>();
  /** What lies beneath a TLS socket is what is counted: a handshake holds a connection, too. */
  readonly #beneath = new WeakMap<Socket, Socket>();

  constructor(server: Server, most: number, metrics: Pick<Metrics, 'connectionDropped'>) {
    this.#most = most;
    this.#metrics = metrics;
    server.on('connection', socket => this.#accepted(socket));
    server.on('secureConnection', secured => this.#secured(secured));
    server.on('request', (request, response) => this.#requested(request, response));
  }

  #accepted(socket: Socket): void {
    if (this.#owed.size >= this.#most && !this.#makeRoom()) {
      this.#metrics.connectionDropped('refused');
      socket.destroy();
      return;
    }
    this.#owed.set(socket, []);
    socket.once('close', () => this.#owed.delete(socket));
  }

  #secured(secured: TLSSocket): void {
    const { remoteAddress, remotePort } = secured;
    const socket = this.#owed
      .keys()
      .find(each => each.remotePort === remotePort && each.remoteAddress === remoteAddress);
    if (socket !== undefined) this.#beneath.set(secured, socket);
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const socket = this.#beneath.get(request.socket) ?? request.socket;
    const owed = this.#owed.get(socket);
    if (owed === undefined) return;
    owed.push(response);
    this.#moveLast(socket, owed);
    // It comes once by itself, and `once` would cost a wrapper.
    response.on('close', () => {
      owed.splice(owed.indexOf(response), 1);
      this.#moveLast(socket, owed);
    });
  }

  #moveLast(socket: Socket, owed: ServerResponse[]): void {
    if (this.#owed.delete(socket)) this.#owed.set(socket, owed);
  }

  #makeRoom(): boolean {
    for (const [socket, owed] of this.#owed) {
      if (!owed.every(isUpToClient)) continue;
      this.#owed.delete(socket);
      this.#metrics.connectionDropped('evicted');
      socket.destroy();
      return true;
    }
    return false;
  }
}

/** Whether the client has yet to send the rest of the request, or to read the answer. */
function isUpToClient(response: ServerResponse): boolean {
  return !response.req.complete || response.writableEnded;
}
