import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.ts';

/** Answers what no route takes: 405 with Allow where the path has other methods, else 404. Register before routes. */
export function answerUnrouted(app: FastifyInstance): void {
  const methodsByPath = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByPath.get(url) ?? new Set();
    for (const name of [method].flat()) methods.add(name);
    methodsByPath.set(url, methods);
  });
  // Before the body is looked at: what nothing takes is not judged by how it was sent.
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.is404) done(unrouted(request.url, methodsByPath));
    else done();
  });
}

function unrouted(url: string, methodsByPath: ReadonlyMap<string, ReadonlySet<string>>): ServiceError {
  const path = url.split('?', 1)[0] ?? '';
  const known = [...methodsByPath].find(([pattern]) => matches(pattern, path));
  if (known === undefined) {
    return new ServiceError(
      'not_found',
      'There is nothing under this path; GET /openapi.json describes the API, and GET /healthz and /readyz say how the service is.',
    );
  }
  return new ServiceError('method_not_allowed', undefined, { headers: { allow: [...known[1]].join(', ') } });
}

/** A pattern may end with `*`, or with a parameter such as `:id` that is one segment. */
function matches(pattern: string, path: string): boolean {
  if (pattern.endsWith('*')) return path.startsWith(pattern.slice(0, -1));
  const parameterAt = pattern.indexOf(':');
  if (parameterAt === -1) return pattern === path;
  const segment = path.slice(parameterAt);
  return path.startsWith(pattern.slice(0, parameterAt)) && segment !== '' && !segment.includes('/');
}
