import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SampledSpan } from './exemplars.ts';

/** Steps of a request or of background work that become child spans; a span has no other names. */
export type Step =
  | 'policy.decide'
  | 'secret.encrypt'
  | 'secret.decrypt'
  | 'store.commit'
  | 'audit.append'
  | 'audit.queue'
  | 'audit.flush';

/** Work that nobody asked for; each is a trace of its own. */
export type BackgroundWork = 'rotation.round' | 'rotation.rotate';

/** Facts with few possible values each. Names of secrets and clients are none. */
export interface SpanFacts {
  readonly decision?: 'allow' | 'deny';
  /** A policy action, or several with a space between. */
  readonly action?: string;
  /** How many things the step was about. */
  readonly count?: number;
  /** The one that the answer carries. */
  readonly requestId?: string;
}

/**
 * What is traced of one request or piece of work. Where nothing records, the verbs only run what they are given; none
 * throws on its own.
 */
export interface Span {
  /** 32 hexadecimal digits: of a trace that is sampled, or that the caller named. Else null. */
  readonly traceId: string | null;
  /** 16 hexadecimal digits; null unless the span is sampled. */
  readonly spanId: string | null;
  /** Runs the work as a child span, which ends when the work has settled. */
  step<T>(name: Step, work: (span: Span) => T): T;
  /** A child span of something that is over; times are those of `performance.now()`. */
  passed(name: Step, from: number, to: number): void;
  note(facts: SpanFacts): void;
}

export interface Tracing {
  spanOf(request: IncomingMessage): Span;
  background<T>(name: BackgroundWork, work: (span: Span) => Promise<T>): Promise<T>;
}

/** How a request was served; `route` is its template, undefined where no route took it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly route: string | undefined;
}

/** Tracing with the part that follows requests. */
export interface RequestTracing extends Tracing {
  /** @param method one of the semantic conventions' values */
  requestStarted(request: IncomingMessage, method: string): void;
  /** The span to show as an exemplar; null unless it is sampled. */
  requestFinished(exchange: Exchange): SampledSpan | null;
  /** The connection ended before the answer. */
  requestAborted(exchange: Omit<Exchange, 'response'>): void;
}

export const noSpan: Span = {
  traceId: null,
  spanId: null,
  step: (_name, work) => work(noSpan),
  passed: () => undefined,
  note: () => undefined,
};

/** While traces are off, and for tests. */
export const noTracing: RequestTracing = {
  spanOf: () => noSpan,
  background: (_name, work) => work(noSpan),
  requestStarted: () => undefined,
  requestFinished: () => null,
  requestAborted: () => undefined,
};
