import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ServiceError } from '../errors.ts';
import { commonHeaders, errorBody } from './error-replies.ts';
import { latestAnswer, noteExchange, noteExchanges } from './exchanges.ts';

/**
 * Milliseconds in which a client may read its answers and hang up: a large one takes its time on a busy machine, and what
 * is closed before it was read is lost. A socket that Node has let go has no other limit.
 */
const lingering = 3000;

/** Answers in the common shape what Node hands over in place of a request: it reaches neither hook nor route. */
export function answerBelowRoutes(server: Server): void {
  noteExchanges(server);
  server.on('checkExpectation', ({ socket }, response) => {
    noteExchange(socket, response);
    const { status, headers, body } = answerOf(new ServiceError('expectation_failed'));
    response.writeHead(status, headers).end(body);
  });
  server.on('connect', (_request, socket) => {
    const headers = { allow: 'GET, POST, PUT, DELETE' };
    answerRaw(new ServiceError('method_not_allowed', undefined, { headers }), socket);
  });
}

/** Of TLS that failed: there is nobody to read an answer, and no request to count. */
const tlsFailure = /^ERR_(?:SSL|TLS|OSSL)_/;

/**
 * Answers bytes that Node could not take for a request, or that did not arrive in time: once, and after the answers
 * to the requests before them, for a client takes what comes first for the answer to what it asked first.
 */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  const { code = '' } = error;
  const latest = latestAnswer(socket);
  if (code === 'ECONNRESET' || tlsFailure.test(code) || !socket.writable) socket.destroy();
  else if (latest?.req.complete && !latest.closed) latest.once('close', () => answerMalformed(error, socket));
  else if (latest?.req.complete === false && latest.headersSent) hangUp(socket);
  else answerRaw(malformed(code), socket);
}

function malformed(code: string | undefined): ServiceError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ServiceError('request_timeout');
  if (code === 'HPE_HEADER_OVERFLOW') return new ServiceError('headers_too_large');
  return new ServiceError('bad_request', 'What was sent is not a valid HTTP/1.1 request.');
}

/** Answers on a socket that no HTTP server writes to, and hangs up. */
export function answerRaw(error: ServiceError, socket: Duplex): void {
  const { status, headers, body } = answerOf(error);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  hangUp(socket);
}

/** Sends what is left to send, and lets the connection go whether or not the client does. */
function hangUp(socket: Duplex): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), lingering).unref();
  socket.once('close', () => clearTimeout(timer));
}

function answerOf(error: ServiceError): { status: number; headers: Record<string, string>; body: string } {
  const { status } = error;
  const body = errorBody(error);
  const headers = {
    ...commonHeaders(crypto.randomUUID()),
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...error.headers,
  };
  return { status, headers, body };
}
