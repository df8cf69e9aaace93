import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

interface Admitted {
  readonly reply: FastifyReply;
  /** In milliseconds of `performance.now()`. */
  readonly at: number;
  /** Of its answer: what it may take until it is made, and what it takes from then on. */
  bytes: number;
  /** Whether it holds a place. */
  isCounted: boolean;
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
  #bytes = 0;

  /** What the answers take that are not sent yet, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  bytesOn(socket: Socket): number {
    return this.#connections.get(socket)?.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  }

  /** The connection that owes the service the reading of most bytes. */
  largest(): Socket | undefined {
    let largest: Socket | undefined;
    let most = 0;
    for (const socket of this.#connections.keys()) {
      const bytes = this.bytesOn(socket);
      if (bytes > most) [largest, most] = [socket, bytes];
    }
    return largest;
  }

  /** Notes what the answer takes, until it is sent. */
  hold(reply: FastifyReply, bytes: number): void {
    const admitted = this.#connections.get(reply.request.socket)?.find(each => each.reply === reply);
    if (admitted === undefined) return;
    this.#bytes += bytes - admitted.bytes;
    admitted.bytes = bytes;
  }

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
    const admitted: Admitted = { reply, at: performance.now(), bytes: 0, isCounted: true };
    ofConnection.push(admitted);
    this.#count += 1;
    // It comes once by itself, and `once` would cost a wrapper.
    reply.raw.on('close', () => {
      const place = ofConnection.indexOf(admitted);
      if (place === -1) return;
      ofConnection.splice(place, 1);
      this.#uncount(admitted);
      this.#bytes -= admitted.bytes;
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
    // Whether the client has hung up or only ends its side, it asks no more: what it still waits for keeps nobody out.
    socket.once('end', () => {
      for (const admitted of ofConnection) this.#uncount(admitted);
    });
    socket.once('close', () => this.forget(socket));
    return ofConnection;
  }

  /** Its answers reach nobody any more. */
  forget(socket: Socket): void {
    const ofConnection = this.#connections.get(socket);
    if (ofConnection === undefined) return;
    this.#connections.delete(socket);
    for (const admitted of ofConnection) {
      this.#uncount(admitted);
      this.#bytes -= admitted.bytes;
    }
    ofConnection.length = 0;
  }

  #uncount(admitted: Admitted): void {
    if (admitted.isCounted) this.#count -= 1;
    admitted.isCounted = false;
  }
}
