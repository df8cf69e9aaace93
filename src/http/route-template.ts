import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';

const template = Symbol('route template');

interface Routed extends IncomingMessage {
  [template]?: string;
}

/** Notes which vault route takes a request; `/secret/*`, never the raw path. */
export function noteRouteTemplate(request: FastifyRequest): void {
  const { url } = request.routeOptions;
  const routed: Routed = request.raw;
  if (url !== undefined) routed[template] = url;
}

/** The template of the vault route that took the request; undefined for probes, scrapes and what no route takes. */
export function routeTemplateOf(request: Routed): string | undefined {
  return request[template];
}
