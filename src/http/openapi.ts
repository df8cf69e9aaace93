import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';

/** How the OpenAPI document is made from the route schemas. */
export function describeApi(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'jarvis-secretsd',
        version,
        description: 'A secrets service: encrypted at rest, authorised by policy, audited.',
        license: { name: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          client: {
            type: 'apiKey',
            in: 'header',
            name: 'X-Jarvis-Client',
            description: 'Where security.identity is "header".',
          },
          token: {
            type: 'http',
            scheme: 'bearer',
            bearerFormat: 'jst_ and 49 letters and digits',
            description: 'Where security.identity is "token".',
          },
        },
      },
      security: [{ client: [] }, { token: [] }],
    },
    exposeHeadRoutes: true,
    transform: ({ schema, url, route }) => ({
      schema: { ...nameTheWildcard(schema), ...(honoursConditions(route) && { headers: conditions }) },
      url: url.replace('*', '{name}'),
    }),
  };
}

/** `*`, or entity tags with commas between them (RFC 9110 §8.8.3). */
const conditionPattern = '^(?:\\*|(?:W/)?"[!#-~]*"(?:, (?:W/)?"[!#-~]*")*)$';

/** Described alone: Fastify would check every request against them, and a condition has its own parser. */
const conditions = {
  type: 'object',
  properties: {
    'If-Match': {
      type: 'string',
      pattern: conditionPattern,
      description: 'Versions in double quotes, with commas between them, or *: else 412 (RFC 9110 §13.1.1).',
    },
    'If-None-Match': {
      type: 'string',
      pattern: conditionPattern,
      description:
        'Versions in double quotes, with commas between them, or *: else 412, or 304 of a GET (RFC 9110 §13.1.2).',
    },
  },
};

function honoursConditions({ config }: { config?: { honoursConditions?: boolean } }): boolean {
  return config?.honoursConditions === true;
}

/** Names of secrets hold slashes, so the route has a wildcard; the document calls it `name`. */
function nameTheWildcard<S extends { params?: unknown }>(schema: S): S {
  const { params } = schema;
  if (typeof params !== 'object' || params === null || !('properties' in params)) return schema;
  const { '*': name } = params.properties as Record<string, unknown>;
  if (name === undefined) return schema;
  return { ...schema, params: { type: 'object', properties: { name }, required: ['name'] } };
}
