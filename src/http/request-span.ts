import type { FastifyRequest } from 'fastify';
import type { Span, Tracing } from '../../telemetry/tracing.ts';

/** Gives a request its span, and the span the request's id. */
export function attachSpan(request: FastifyRequest, tracing: Tracing): void {
  const span = tracing.spanOf(request.raw);
  request.span = span;
  span.note({ requestId: request.id });
}

/** Which request a log line is about, and which trace. */
export function requestFacts(request: FastifyRequest): Record<string, string> {
  const facts: Record<string, string> = { request_id: request.id };
  // Probes have no span, nor has what fails before it gets one.
  const span: Span | undefined = request.span;
  if (typeof span?.traceId === 'string') facts['trace_id'] = span.traceId;
  if (typeof span?.spanId === 'string') facts['span_id'] = span.spanId;
  return facts;
}
