import type { IncomingMessage } from 'node:http';
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import {
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';
import { RecordedSpan } from './recorded-span.ts';
import { type BackgroundWork, type Exchange, noSpan, type RequestTracing, type Span } from './tracing.ts';

/** Probes and scrapes would be most of all traces and tell nothing. */
const untraced: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz', '/metrics']);

const serverSpan: SpanOptions = { kind: SpanKind.SERVER };

/**
 * A server span for each request, after OpenTelemetry's semantic conventions for HTTP
 * (opentelemetry.io/docs/specs/semconv/http/http-spans), with the route's template for the path, since a path holds the
 * name of a secret. The caller's `traceparent` is the parent; its baggage and tracestate are left alone.
 * @param honoursCallers whether `traceparent` is looked at
 */
export function createTracing(tracer: Tracer, honoursCallers: boolean): RequestTracing {
  const spans = new WeakMap<IncomingMessage, Span>();
  const recorded = (request: IncomingMessage): RecordedSpan | null => {
    const span = spans.get(request);
    return span instanceof RecordedSpan ? span : null;
  };
  return {
    spanOf: request => spans.get(request) ?? noSpan,
    background: (name, work) => inBackground(tracer, name, work),
    requestStarted(request, method) {
      if (untraced.has(request.url)) return;
      const caller = honoursCallers ? callerOf(request) : null;
      const span = tracer.startSpan(method, serverSpan, contextOf(caller));
      if (span.isRecording()) spans.set(request, new RecordedSpan(tracer, span));
      else if (caller !== null) spans.set(request, { ...noSpan, traceId: caller.traceId });
    },
    requestFinished(exchange) {
      const span = recorded(exchange.request);
      const { statusCode } = exchange.response;
      span?.end(spanName(exchange), answered(exchange), statusCode >= 500 ? String(statusCode) : null);
      return span;
    },
    requestAborted(exchange) {
      recorded(exchange.request)?.end(spanName(exchange), asked(exchange), 'aborted');
    },
  };
}

async function inBackground<T>(
  tracer: Tracer,
  name: BackgroundWork,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = tracer.startSpan(name, {}, ROOT_CONTEXT);
  if (!span.isRecording()) return await work(noSpan);
  const recorded = new RecordedSpan(tracer, span);
  return await recorded.during(() => work(recorded));
}

/** A header sent twice arrives joined, which is no traceparent. */
function callerOf({ headers: { traceparent } }: IncomingMessage): SpanContext | null {
  return typeof traceparent === 'string' ? parseTraceParent(traceparent) : null;
}

function contextOf(caller: SpanContext | null): Context {
  return caller === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true });
}

function spanName({ method, route }: Pick<Exchange, 'method' | 'route'>): string {
  return route === undefined ? method : `${method} ${route}`;
}

function asked({ request, method, route }: Omit<Exchange, 'response'>): Attributes {
  return {
    [ATTR_HTTP_REQUEST_METHOD]: method,
    [ATTR_URL_SCHEME]: 'encrypted' in request.socket ? 'https' : 'http',
    [ATTR_NETWORK_PROTOCOL_VERSION]: request.httpVersion,
    ...(route === undefined ? {} : { [ATTR_HTTP_ROUTE]: route, [ATTR_URL_PATH]: route }),
  };
}

function answered(exchange: Exchange): Attributes {
  return { ...asked(exchange), [ATTR_HTTP_RESPONSE_STATUS_CODE]: exchange.response.statusCode };
}
