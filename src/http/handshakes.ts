import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

/**
 * The connections of a TLS server that have not finished their handshake. The HTTP server does not know of them yet, so
 * that it can neither close them as idle nor cut them at the end of a drain.
 */
export class Handshakes {
  readonly #sockets = new Map<string, Socket>();
  #bytesRead = 0;
  #movedAtMs = performance.now();

  /** @param server over plain HTTP it has none */
  constructor(server: Server) {
    if (!(server instanceof TlsServer)) return;
    server.on('connection', (socket: Socket) => {
      const key = keyOf(socket);
      this.#sockets.set(key, socket);
      this.#movedAtMs = performance.now();
      socket.once('close', () => this.#sockets.delete(key));
    });
    server.on('secureConnection', (socket: Socket) => this.#sockets.delete(keyOf(socket)));
  }

  /** When one of them last moved on, as far as this was asked before. */
  movedAtMs(nowMs: number): number {
    let bytesRead = 0;
    for (const socket of this.#sockets.values()) bytesRead += socket.bytesRead;
    if (bytesRead !== this.#bytesRead) this.#movedAtMs = nowMs;
    this.#bytesRead = bytesRead;
    return this.#movedAtMs;
  }

  cut(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }
}

/** A TLS socket is another object than the socket it came in on; the peer's address they share is its own. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
