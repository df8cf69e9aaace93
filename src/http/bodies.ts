import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.ts';

/**
 * JSON as application/json; and, because `curl -d` sends it so, as application/x-www-form-urlencoded from a caller who
 * sent a header that a browser cannot add across sites without a preflight. Everything else is 415.
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (request: { headers: Record<string, unknown> }, body: string | Buffer) => {
      const { headers } = request;
      if (headers['x-jarvis-client'] === undefined && headers['authorization'] === undefined) {
        throw new ServiceError('unsupported_media_type');
      }
      return parseObject(String(body));
    },
  );
}

function parseObject(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body, refusePrototypeKeys);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (error instanceof ServiceError) throw error;
  }
  throw new ServiceError(
    'unsupported_media_type',
    'The body is no JSON object; send JSON, best as Content-Type: application/json.',
  );
}

/** As Fastify's own JSON parser does. */
function refusePrototypeKeys(key: string, value: unknown): unknown {
  if (key === '__proto__' || key === 'constructor') {
    throw new ServiceError('bad_request', `The body has a key ${key}, which is refused.`);
  }
  return value;
}
