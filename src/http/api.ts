import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Span } from '../../telemetry/tracing.ts';
import type { Caller } from '../vault/vault.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is calling; set by authentication before any vault route runs. */
    caller: Caller;
    /** The request's own; set before anything else of a vault route runs. */
    span: Span;
  }
}

/** A Fastify instance whose handlers are typed by their TypeBox schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
