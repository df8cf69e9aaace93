import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../vault/vault.ts';

/** A way to tell who is calling. */
export interface Identity {
  /**
   * At once, or by a promise where the caller cannot be told: a refusal is recorded first.
   * @throws ServiceError unauthenticated or bad_request, counted and recorded
   */
  authenticate(request: FastifyRequest): Caller | Promise<never>;
}

/** Null on a unix socket. */
export function remoteAddress(request: FastifyRequest): string | null {
  return request.socket.remoteAddress ?? null;
}
