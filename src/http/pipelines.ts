import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ServiceError } from '../errors.ts';
import { commonHeaders, errorBody } from './error-replies.ts';

/** Answers that a connection may be owed: as many as the requests that it may have under way. */
const mostOwed = 32;

const refusal = new ServiceError('overloaded');
const body = errorBody(refusal);
const headersOfRefusal = {
  'retry-after': '1',
  'content-type': 'application/json; charset=utf-8',
  'content-length': Buffer.byteLength(body),
};
/** They are cheap, and have no limit. */
const probes: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Answers what a client pipelines beyond a bound before anything else looks at it. One read from a socket brings hundreds of
 * requests: to route, authenticate and refuse each of them holds up everybody for a second and more.
 */
export function boundPipelines(server: Server, metrics: { requestShed(): void }): void {
  const owed = new WeakMap<Socket, { count: number }>();
  const handlers = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const answers = owed.get(socket) ?? { count: 0 };
    if (answers.count === 0) owed.set(socket, answers);
    answers.count += 1;
    // It comes once by itself, and `once` would cost a wrapper.
    response.on('close', () => {
      answers.count -= 1;
    });
    if (answers.count > mostOwed && !probes.has(request.url)) {
      metrics.requestShed();
      const headers = { ...commonHeaders(crypto.randomUUID()), ...headersOfRefusal };
      response.writeHead(refusal.status, headers).end(body);
      return;
    }
    for (const handler of handlers) handler.call(server, request, response);
  });
}
