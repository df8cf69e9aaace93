import type { FastifyReply } from 'fastify';
import { handlerDeadline } from './handler-deadline.ts';

const probeIntervalMs = 250;

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
  let probes: NodeJS.Timeout | undefined;
  const probe = () => {
    probeClient(reply);
    probes = setInterval(() => probeClient(reply), probeIntervalMs).unref();
  };
  socket.once('end', probe);
  reply.raw.once('close', () => {
    clearTimeout(deadline);
    socket.off('close', abort);
    socket.off('end', probe);
    clearInterval(probes);
    abort();
  });
  return abandoned.signal;
}

/**
 * A client that has gone and one that only ends its side look alike until something is sent: then the first resets the
 * connection, and what is sent next fails. Every client of HTTP/1.1 can read interim answers (RFC 9110 §15.2).
 */
function probeClient({ raw, request }: FastifyReply): void {
  if (!raw.headersSent && request.raw.httpVersion === '1.1') raw.writeProcessing();
}
