import type { FastifyReply } from 'fastify';
import { handlerDeadline } from './handler-deadline.ts';

/**
 * Aborts when nobody waits for the answer any more: the client has gone, or the deadline has answered for the handler. For
 * requests that can take long; the others are done before anybody could notice.
 */
export function abandonmentOf(reply: FastifyReply): AbortSignal {
  const abandoned = new AbortController();
  const abort = () => abandoned.abort();
  const deadline = setTimeout(abort, handlerDeadline).unref();
  const { socket } = reply.request;
  // An answer that waits behind another in a pipeline has no `close`; its socket has.
  socket.once('close', abort);
  const probe = () => probeClient(reply);
  socket.once('end', probe);
  reply.raw.once('close', () => {
    clearTimeout(deadline);
    socket.off('close', abort);
    socket.off('end', probe);
    abort();
  });
  return abandoned.signal;
}

/**
 * A client that has gone and one that only ends its side look alike until something is sent: the first resets the
 * connection. Every client of HTTP/1.1 can read an interim answer (RFC 9110 §15.2).
 */
function probeClient({ raw, request }: FastifyReply): void {
  if (!raw.headersSent && request.raw.httpVersion === '1.1') raw.writeProcessing();
}
