import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';

const templates = new WeakMap<IncomingMessage, string>();

/** Notes which vault route takes a request; `/secret/*`, never the raw path. */
export function noteRouteTemplate(request: FastifyRequest): void {
  const { url } = request.routeOptions;
  if (url !== undefined) templates.set(request.raw, url);
}

/** The template of the vault route that took the request; undefined for probes, scrapes and what no route takes. */
export function routeTemplateOf(request: IncomingMessage): string | undefined {
  return templates.get(request);
}
