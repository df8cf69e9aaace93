import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** Requests for the vault that were admitted, until their answer is sent or their connection ends. */
export class RequestsUnderWay {
  /** When each was admitted, in milliseconds of `performance.now()`; the oldest first. */
  readonly #all = new Map<FastifyReply, number>();
  readonly #connections = new WeakMap<Socket, Set<FastifyReply>>();

  get count(): number {
    return this.#all.size;
  }

  countOn(socket: Socket): number {
    return this.#connections.get(socket)?.size ?? 0;
  }

  /** For requests whose body has arrived, so that nobody holds a place by sending slowly. */
  admit(reply: FastifyReply): void {
    const ofConnection = this.#of(reply.request.socket);
    ofConnection.add(reply);
    this.#all.set(reply, performance.now());
    // It comes once by itself, and `once` would cost a wrapper.
    reply.raw.on('close', () => {
      ofConnection.delete(reply);
      this.#all.delete(reply);
    });
  }

  /** Those that were admitted so long ago and have no answer yet. */
  *waitingFor(milliseconds: number): Iterable<FastifyReply> {
    const latest = performance.now() - milliseconds;
    for (const [reply, admitted] of this.#all) {
      if (admitted > latest) return;
      if (!reply.sent) yield reply;
    }
  }

  /** When a connection breaks off, answers that wait behind another in a pipeline have no `close`; the socket has. */
  #of(socket: Socket): Set<FastifyReply> {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const replies = new Set<FastifyReply>();
    this.#connections.set(socket, replies);
    socket.once('close', () => {
      for (const reply of replies) this.#all.delete(reply);
      replies.clear();
    });
    return replies;
  }
}
