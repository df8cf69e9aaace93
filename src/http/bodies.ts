import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.ts';

/** Fails on bytes that are no UTF-8, which would otherwise be replaced: a secret must be kept as it was sent, or refused. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * JSON as application/json; and, because `curl -d` sends it so, as application/x-www-form-urlencoded from a caller who
 * sent a header that a browser cannot add across sites without a preflight. Everything else is 415.
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  app.removeContentTypeParser(['text/plain', 'application/json']);
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => {
      const value = parseJson(body);
      if (value === undefined) throw new ServiceError('bad_request', 'The body is not valid JSON.');
      return value;
    },
  );
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async ({ headers }: FastifyRequest, body: Buffer) => {
      if (headers['x-jarvis-client'] === undefined && headers.authorization === undefined) {
        throw new ServiceError('unsupported_media_type');
      }
      const value = parseJson(body);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
      throw new ServiceError(
        'unsupported_media_type',
        'The body is no JSON object; send JSON, best as Content-Type: application/json.',
      );
    },
  );
}

/**
 * Undefined where the text is no JSON; the parser's own message would quote it.
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
    return undefined;
  }
  refusePrototypeKeys(value);
  return value;
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
