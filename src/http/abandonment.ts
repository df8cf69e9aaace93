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
  reply.raw.once('close', () => {
    clearTimeout(deadline);
    socket.off('close', abort);
    abort();
  });
  return abandoned.signal;
}
