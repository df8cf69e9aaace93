import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import { type ErrorCode, errorTable, ServiceError } from '../errors.ts';
import type { Api } from './api.ts';
import { acceptJsonBodies } from './bodies.ts';
import { commonHeaders, type ErrorReply, replyWithErrors, sendError } from './error-replies.ts';
import { answerUnrouted } from './unrouted.ts';

/** What one request may cost (DESIGN §4). Fastify switches Node's own request timeout off unless told. */
const limits = {
  bodyLimit: 128 * 1024,
  /** A whole request must have arrived after this long: slow senders. */
  requestTimeout: 10_000,
  handlerTimeout: 15_000,
  keepAliveTimeout: 72_000,
};

/** A Fastify instance with our manners and no routes: strict validation, one error shape, no guessing at bodies. */
export function createServer(logger: FastifyBaseLogger): Api {
  const app = Fastify({
    ...limits,
    // Node looks for slow requests every 30 s unless told, and answers a missing Host in a shape of its own.
    http: {
      connectionsCheckingInterval: 1000,
      headersTimeout: limits.requestTimeout,
      requireHostHeader: false,
    },
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    exposeHeadRoutes: false,
    genReqId: () => crypto.randomUUID(),
    requestIdHeader: false,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    routerOptions: { maxParamLength: 1024 },
    clientErrorHandler: (error, socket) => answerMalformed(error, socket),
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
  });
  acceptJsonBodies(app);
  replyWithErrors(app);
  answerUnrouted(app);
  app.addHook('onRequest', async request => {
    // RFC 9112 §3.2: a request without Host is answered 400.
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new ServiceError('bad_request', 'The request has no Host header.');
    }
  });
  app.addHook('onSend', async (request, reply) => {
    reply.headers(commonHeaders(request.id));
    // Once the listener is closed the service drains: no connection may go on to a next request.
    if (!app.server.listening) reply.header('connection', 'close');
  });
  app.server.on('checkExpectation', (_request, response) => {
    const body = errorBody('expectation_failed');
    response.writeHead(417, rawHeaders(body)).end(body);
  });
  app.server.on('connect', (_request, socket) => answerRaw('method_not_allowed', socket));
  return app;
}

/** What Node could not parse as a request never reaches a route; it gets the same shape of answer. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  answerRaw(malformedCode(error.code), socket);
}

function answerRaw(code: ErrorCode, socket: Duplex): void {
  const body = errorBody(code);
  const allow = code === 'method_not_allowed' ? { allow: 'GET, POST, PUT, DELETE' } : {};
  const headers = Object.entries({ ...rawHeaders(body), ...allow }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const { status } = errorTable[code];
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${headers.join('')}\r\n${body}`);
}

function rawHeaders(body: string): Record<string, string> {
  return {
    ...commonHeaders(crypto.randomUUID()),
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
}

function malformedCode(code: string | undefined): ErrorCode {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout';
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large';
  return 'bad_request';
}

function errorBody(code: ErrorCode): string {
  return JSON.stringify({ error: code, message: errorTable[code].message } satisfies ErrorReply);
}
