import type { Server } from 'node:http';
import type { ServerOptions as TlsOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import Fastify, { type FastifyError } from 'fastify';
import { ServiceError } from '../errors.ts';
import type { Api } from './api.ts';
import { answerBelowRoutes, answerMalformed } from './below-routes.ts';
import { acceptJsonBodies } from './bodies.ts';
import { commonHeaders, ErrorReplies, type FailureLog } from './error-replies.ts';
import { answerPlainHttp } from './plain-http.ts';
import { compileSchemasWhenNeeded } from './schema-compilers.ts';
import { cutUnreadBodies } from './unread-bodies.ts';
import { answerUnrouted } from './unrouted.ts';

/** What one request may cost (DESIGN §4). Fastify switches Node's own request timeout off unless told. */
const limits = {
  bodyLimit: 128 * 1024,
  /** A whole request must have arrived after this long: slow senders. */
  requestTimeout: 10_000,
  keepAliveTimeout: 72_000,
  /** A client that neither sends nor reads for so long while it has a request under way is cut off. */
  connectionTimeout: 20_000,
};

/** Node looks for slow requests every 30 s unless told, and answers a missing Host in a shape of its own. */
const http = {
  connectionsCheckingInterval: 1000,
  headersTimeout: limits.requestTimeout,
  requireHostHeader: false,
};

/**
 * A Fastify instance with our manners and no routes: strict validation, one error shape, no guessing at bodies.
 * @param tls null for plain HTTP
 */
export function createServer(log: FailureLog, tls: TlsOptions | null): Api {
  const errors = new ErrorReplies(log);
  const app = Fastify({
    ...limits,
    ...(tls === null ? { http } : { https: { ...http, ...tls } }),
    exposeHeadRoutes: false,
    genReqId: () => crypto.randomUUID(),
    requestIdHeader: false,
    routerOptions: { maxParamLength: 1024 },
    clientErrorHandler: answerMalformed,
    frameworkErrors: (error, request, reply) => errors.send(error, request, reply),
  });
  compileSchemasWhenNeeded(app);
  acceptJsonBodies(app);
  app.setErrorHandler<FastifyError | ServiceError>((error, request, reply) =>
    errors.send(error, request, reply),
  );
  answerUnrouted(app);
  app.addHook('onRequest', (request, _reply, done) => {
    // RFC 9112 §3.2: a request without Host is answered 400.
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new ServiceError('bad_request', 'The request has no Host header.');
    }
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    reply.headers(commonHeaders(request.id));
    // RFC 9110 §14.2 lets a server answer a request for a range with the whole.
    if (request.headers.range !== undefined) reply.header('accept-ranges', 'none');
    // So that a shell's prompt does not follow the JSON.
    done(null, typeof payload === 'string' && payload.endsWith('}') ? `${payload}\n` : payload);
  });
  answerBelowRoutes(app.server);
  answerPlainHttp(app.server);
  answerHalfClosed(app.server);
  cutUnreadBodies(app.server);
  return app;
}

/**
 * A client that ends its side after the request is answered all the same (RFC 9112 §9.6). Node then closes the connection, also
 * where no answer is owed. Over TLS this is so only once the handshake is done, or one that was given up would stay.
 */
function answerHalfClosed(server: Server): void {
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
  });
}
