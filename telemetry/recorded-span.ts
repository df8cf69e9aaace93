import {
  type Attributes,
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { ATTR_ERROR_TYPE, ATTR_HTTP_RESPONSE_HEADER } from '@opentelemetry/semantic-conventions';
import type { SampledSpan } from './exemplars.ts';
import type { Span, SpanFacts, Step } from './tracing.ts';

/** What may stand as the type of an error: a code of ours or of the system, or the name of a class. */
const errorTypePattern = /^[A-Za-z_]{1,40}$/;

/** A span that is sampled; its children go with it. */
export class RecordedSpan implements Span, SampledSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly #tracer: Tracer;
  readonly #span: OtelSpan;
  readonly #context: Context;
  /** Unix milliseconds less those of `performance.now()`: one for a whole trace, so that no child begins before its parent. */
  readonly #epoch: number;

  constructor(tracer: Tracer, span: OtelSpan, epoch = Date.now() - performance.now()) {
    const { traceId, spanId } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.#tracer = tracer;
    this.#span = span;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
    this.#epoch = epoch;
  }

  step<T>(name: Step, work: (span: Span) => T): T {
    const child = this.#startChild(name, performance.now());
    return child.during(() => work(child));
  }

  passed(name: Step, from: number, to: number): void {
    this.#startChild(name, from).#end(to);
  }

  note({ decision, action, count, requestId }: SpanFacts): void {
    if (decision !== undefined) this.#span.setAttribute('jarvis.decision', decision);
    if (action !== undefined) this.#span.setAttribute('jarvis.action', action);
    if (count !== undefined) this.#span.setAttribute('jarvis.count', count);
    if (requestId !== undefined) {
      this.#span.setAttribute(ATTR_HTTP_RESPONSE_HEADER('x-request-id'), [requestId]);
    }
  }

  /** Ends the span when the work has settled. */
  during<T>(work: () => T): T {
    try {
      const result = work();
      if (result instanceof Promise) {
        result.then(
          () => this.#end(),
          error => this.#failed(error),
        );
      } else {
        this.#end();
      }
      return result;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** @param failure the type of the error, where the work failed */
  end(name: string, attributes: Attributes, failure: string | null): void {
    this.#span.updateName(name).setAttributes(attributes);
    if (failure !== null) this.#fail(failure);
    this.#end();
  }

  #failed(error: unknown): void {
    this.#fail(errorType(error));
    this.#end();
  }

  #startChild(name: Step, from: number): RecordedSpan {
    const span = this.#tracer.startSpan(name, { startTime: this.#epoch + from }, this.#context);
    return new RecordedSpan(this.#tracer, span, this.#epoch);
  }

  #end(at = performance.now()): void {
    this.#span.end(this.#epoch + at);
  }

  #fail(type: string): void {
    this.#span.setAttribute(ATTR_ERROR_TYPE, type).setStatus({ code: SpanStatusCode.ERROR });
  }
}

/** Never the message, which may name a secret. */
function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  const type = 'code' in error ? String(error.code) : error.name;
  return errorTypePattern.test(type) ? type : '_OTHER';
}
