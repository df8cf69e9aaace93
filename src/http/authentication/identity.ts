import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../vault/vault.ts';

/** A way to tell who is calling. */
export interface Identity {
  /** @throws ServiceError unauthenticated or bad_request, counted and recorded */
  authenticate(request: FastifyRequest): Promise<Caller>;
}

/** Null on a unix socket. */
export function remoteAddress(request: FastifyRequest): string | null {
  return request.socket.remoteAddress ?? null;
}
