import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

interface Admitted {
  readonly reply: FastifyReply;
  /** In milliseconds of `performance.now()`. */
  readonly at: number;
}

/**
 * Requests for the vault that were admitted, until their answer is sent or their connection ends.
 *
 * In an array for each connection: a Map or Set that requests come into and leave is laid out anew every few of them, and V8
 * links each layout to the next. Once one of them counts as old, all that later ones held is kept until a full collection.
 */
export class RequestsUnderWay {
  readonly #connections = new Map<Socket, Admitted[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  countOn(socket: Socket): number {
    return this.#connections.get(socket)?.length ?? 0;
  }

  /** For requests whose body has arrived, so that nobody holds a place by sending slowly. */
  admit(reply: FastifyReply): void {
    const { socket } = reply.request;
    // Nobody waits for this answer, and nothing would tell that it was given up.
    if (socket.closed) return;
    const ofConnection = this.#of(socket);
    const admitted = { reply, at: performance.now() };
    ofConnection.push(admitted);
    this.#count += 1;
    // It comes once by itself, and `once` would cost a wrapper.
    reply.raw.on('close', () => {
      const place = ofConnection.indexOf(admitted);
      if (place === -1) return;
      ofConnection.splice(place, 1);
      this.#count -= 1;
    });
  }

  /** Those that were admitted so long ago and have no answer yet. */
  *waitingFor(milliseconds: number): Iterable<FastifyReply> {
    const latest = performance.now() - milliseconds;
    for (const ofConnection of this.#connections.values()) {
      for (const { reply, at } of ofConnection) if (at <= latest && !reply.sent) yield reply;
    }
  }

  /** When a connection breaks off, answers that wait behind another in a pipeline have no `close`; the socket has. */
  #of(socket: Socket): Admitted[] {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const ofConnection: Admitted[] = [];
    this.#connections.set(socket, ofConnection);
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#count -= ofConnection.length;
      ofConnection.length = 0;
    });
    return ofConnection;
  }
}
