import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What is read of a body after its answer, so that the connection can be used again. */
const mostBytes = 256 * 1024;
/** Milliseconds in which a client may read the answer before the connection is cut. */
const lingering = 1000;

/**
 * Stops reading what follows a request that was answered before it had arrived: without an identity, to no route, over a limit.
 * Node would read it to its end, as fast as it comes.
 */
export function cutUnreadBodies(server: Server): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!mayBeLarge(request)) return;
    const { socket } = request;
    response.once('finish', () => {
      if (!request.complete) cut(socket);
    });
  });
}

function mayBeLarge({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  return Number(headers['content-length'] ?? 0) > mostBytes;
}

/** The client may be sending all the time: closed at once, it would see a reset in place of the answer. */
function cut(socket: Socket): void {
  if (socket.destroyed) return;
  socket.pause();
  socket.end();
  const timer = setTimeout(() => socket.destroy(), lingering).unref();
  socket.once('close', () => clearTimeout(timer));
}
