import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

interface DropCounter {
  connectionDropped(reason: 'evicted' | 'refused'): void;
}

interface Connection {
  /** The answers that it is owed; in an array for the reason that RequestsUnderWay has. */
  readonly owed: ServerResponse[];
  /** When something last began or ended on it, in milliseconds of `performance.now()`. */
  at: number;
}

/**
 * Keeps a server to so many connections without letting anybody hold them all: at the cap the one that has kept the
 * service waiting for longest makes room, be it for a request, for the rest of one, or for its answers to be read. A new
 * connection is refused only while the service itself is at work for every other.
 */
export class ConnectionCap {
  readonly #most: number;
  readonly #metrics: DropCounter;
  readonly #connections = new Map<Socket, Connection>();
  /** What lies beneath a TLS socket is what is counted: a handshake holds a connection, too. */
  readonly #beneath = new WeakMap<Socket, Socket>();

  constructor(server: Server, most: number, metrics: DropCounter) {
    this.#most = most;
    this.#metrics = metrics;
    server.on('connection', socket => this.#accepted(socket));
    server.on('secureConnection', secured => this.#secured(secured));
    server.on('request', (request, response) => this.#requested(request, response));
  }

  #accepted(socket: Socket): void {
    if (this.#connections.size >= this.#most && !this.#makeRoom()) {
      this.#metrics.connectionDropped('refused');
      socket.destroy();
      return;
    }
    this.#connections.set(socket, { owed: [], at: performance.now() });
    socket.once('close', () => this.#connections.delete(socket));
  }

  #secured(secured: TLSSocket): void {
    const { remoteAddress, remotePort } = secured;
    const socket = this.#connections
      .keys()
      .find(each => each.remotePort === remotePort && each.remoteAddress === remoteAddress);
    if (socket !== undefined) this.#beneath.set(secured, socket);
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const socket = this.#beneath.get(request.socket) ?? request.socket;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    const { owed } = connection;
    owed.push(response);
    connection.at = performance.now();
    // It comes once by itself, and `once` would cost a wrapper.
    response.on('close', () => {
      owed.splice(owed.indexOf(response), 1);
      connection.at = performance.now();
    });
  }

  /** Looks at all of them, which is cheaper than to keep them in order: that would be work for every request. */
  #makeRoom(): boolean {
    let quietest: readonly [Socket, Connection] | undefined;
    for (const entry of this.#connections) {
      const [, { owed, at }] = entry;
      if (owed.every(isUpToClient) && (quietest === undefined || at < quietest[1].at)) quietest = entry;
    }
    if (quietest === undefined) return false;
    const [socket] = quietest;
    this.#connections.delete(socket);
    this.#metrics.connectionDropped('evicted');
    socket.destroy();
    return true;
  }
}

/** Whether the client has yet to send the rest of the request, or to read the answer. */
function isUpToClient(response: ServerResponse): boolean {
  return !response.req.complete || response.writableEnded;
}
