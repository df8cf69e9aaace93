import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.ts';
import { findJsonFault } from './json-fault.ts';

/** Fails on bytes that are no UTF-8, which would otherwise be replaced: a secret must be kept as it was sent, or refused. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

const isJsonType = { accept: 'application/json' };

/**
 * JSON as application/json; and, because `curl -d` sends it so, as application/x-www-form-urlencoded from a caller who
 * sent a header that a browser cannot add across sites without a preflight. Everything else is 415.
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  app.removeContentTypeParser(['text/plain', 'application/json']);
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => parseBody(request, body),
  );
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      const { headers } = request;
      if (headers['x-jarvis-client'] === undefined && headers.authorization === undefined) {
        throw unsupportedType('Send the body as Content-Type: application/json.');
      }
      // JSON begins with a bracket here, for only an object is accepted; the name of a form's field does not.
      if (body.length > 0 && !/^\s*\{/.test(body.toString('latin1', 0, 64))) {
        throw unsupportedType(
          'The body is a form and not a JSON object; send JSON with Content-Type: application/json.',
        );
      }
      return parseBody(request, body);
    },
  );
  // Once it is known who calls, and before the body is read.
  app.addHook('preParsing', (request, _reply, _payload, done) => {
    requireReadableBody(request);
    done();
  });
}

/**
 * What can be told of a body before it is read. Many clients send a Content-Type always: without a body it says nothing.
 * @throws ServiceError not_supported or unsupported_media_type
 */
function requireReadableBody({ headers, method }: FastifyRequest): void {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    throw new ServiceError('not_supported', 'Transfer-Encoding must be chunked alone.', {
      headers: { connection: 'close' },
    });
  }
  const isEmpty = coding === undefined && Number(headers['content-length'] ?? 0) === 0;
  if (isEmpty) {
    delete headers['content-type'];
    return;
  }
  if (method === 'GET' || method === 'HEAD') throw takesNoBody(method);
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') {
    throw new ServiceError(
      'unsupported_media_type',
      'The body is compressed (Content-Encoding); send it as it is.',
      // RFC 9110 §15.5.16 and §12.5.3.
      { headers: { 'accept-encoding': 'identity' } },
    );
  }
  const type = headers['content-type'];
  if (type === undefined) {
    throw unsupportedType('The body has no Content-Type; send it with Content-Type: application/json.');
  }
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type)?.[1];
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset)) {
    throw unsupportedType('The body is in another character encoding than UTF-8; send JSON in UTF-8.');
  }
}

/** @throws ServiceError bad_request or not_supported */
function parseBody({ method }: FastifyRequest, body: Buffer): unknown {
  if (method !== 'DELETE') return parseJson(body);
  const value = body.length === 0 ? undefined : parseJson(body);
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (value === undefined || value === null || isEmpty) return undefined;
  throw takesNoBody(method);
}

/**
 * The parser's own message would quote the text.
 * @throws ServiceError bad_request
 */
function parseJson(body: Buffer): unknown {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new ServiceError('bad_request', 'The body is not valid UTF-8.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ServiceError('bad_request', jsonFaultMessage(text));
  }
  refusePrototypeKeys(value);
  return value;
}

function jsonFaultMessage(text: string): string {
  if (text.trim() === '') return 'The body is empty; send a JSON object.';
  const fault = findJsonFault(text);
  if (fault === null) return 'The body is not valid JSON.';
  const place = `line ${fault.line}, column ${fault.column}`;
  return fault.isEnd
    ? `The body is not valid JSON: it ends too early, at ${place}.`
    : `The body is not valid JSON from ${place} on.`;
}

/** Without recursion: a body may be nested as deep as it is long. */
function refusePrototypeKeys(root: unknown): void {
  const values = [root];
  for (const value of values) {
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) {
      throw new ServiceError('bad_request', 'The body has a key __proto__, which is refused.');
    }
    for (const child of Object.values(value)) values.push(child);
  }
}

function takesNoBody(method: string): ServiceError {
  return new ServiceError('not_supported', `${method} takes no body; send the request without one.`);
}

function unsupportedType(message: string): ServiceError {
  return new ServiceError('unsupported_media_type', message, { headers: isJsonType });
}
