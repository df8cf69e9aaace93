import type { FastifyRequest } from 'fastify';
import type { Tracing } from '../../telemetry/tracing.ts';

/** Gives a request its span, the span the request's id, and every line of its log their trace. */
export function attachSpan(request: FastifyRequest, tracing: Tracing): void {
  const span = tracing.spanOf(request.raw);
  request.span = span;
  span.note({ requestId: request.id });
  const { traceId, spanId } = span;
  if (traceId === null) return;
  request.log = request.log.child({ trace_id: traceId, span_id: spanId ?? undefined });
}
