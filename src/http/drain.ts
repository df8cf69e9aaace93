import type { Server as HttpServer } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Handshakes } from './handshakes.ts';

/** Connections just accepted get this long to send their request, in milliseconds. */
const gracePeriod = 200;
const pollInterval = 25;

/**
 * Stops accepting and resolves when every connection has ended, or at the deadline, when the rest are cut.
 * HttpServer.close() would destroy sockets that were accepted but have not sent their request yet, so only the listener
 * is closed at first.
 * @param deadline milliseconds
 */
export async function drain(server: HttpServer, handshakes: Handshakes, deadline: number): Promise<void> {
  const started = performance.now();
  const ended = new Promise<void>(resolve => NetServer.prototype.close.call(server, () => resolve()));
  const sweep = setInterval(() => {
    const elapsed = performance.now() - started;
    if (elapsed > deadline) server.closeAllConnections();
    else if (elapsed > gracePeriod) server.closeIdleConnections();
    if (elapsed > gracePeriod) handshakes.cut();
  }, pollInterval);
  await ended;
  clearInterval(sweep);
}
