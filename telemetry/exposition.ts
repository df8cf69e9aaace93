import { gzipSync } from 'node:zlib';
import type { CollectionResult, MetricCollectOptions, ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Exemplars } from './exemplars.ts';
import { acceptsGzip, type ExpositionFormat, negotiateFormat } from './negotiation.ts';
import { renderMetrics } from './text-format.ts';
import { zeroFill } from './zero-fill.ts';

/** The part of `PrometheusExporter` that is used: the reader, not its server or serializer. */
export interface MetricSource {
  collect(options?: MetricCollectOptions): Promise<CollectionResult>;
}

/** The values of a scrape's `Accept` and `Accept-Encoding` headers. */
export interface ScrapeRequest {
  readonly accept?: string | undefined;
  readonly acceptEncoding?: string | undefined;
}

export interface ScrapeReply {
  /** 200; 500 when the collection failed or took too long; 503 when the SDK is disabled. */
  readonly status: 200 | 500 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

export interface Exposition {
  /** Answers a scrape; never rejects. */
  render(request: ScrapeRequest): Promise<ScrapeReply>;
}

export interface ExpositionOptions {
  /** Undefined when the SDK is disabled. */
  readonly source: MetricSource | undefined;
  /** How long a collection may take, in milliseconds. */
  readonly deadline: number;
  /** Told why a scrape was answered 500. */
  readonly onError: (error: unknown) => void;
  /** Null where no spans are recorded. */
  readonly exemplars?: Exemplars | null;
}

const contentTypes: Readonly<Record<ExpositionFormat, string>> = {
  classic: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Serves what the Prometheus exporter's reader collects, under the literal names of the catalogue. */
export function createExposition(options: ExpositionOptions): Exposition {
  const { source, deadline, onError, exemplars = null } = options;
  if (source === undefined) {
    const disabled = plainReply(503, 'OpenTelemetry is disabled (OTEL_SDK_DISABLED).\n');
    return { render: async () => disabled };
  }
  const collect = sharedCollection(source, deadline);
  return {
    async render(request) {
      try {
        return metricsReply(await collect(), request, exemplars);
      } catch (error) {
        onError(error);
        return plainReply(500, 'The metrics could not be collected; the log says why.\n');
      }
    },
  };
}

/** Scrapes that arrive during a collection share it: callbacks never run twice at once. */
function sharedCollection(source: MetricSource, deadline: number): () => Promise<ResourceMetrics> {
  let running: Promise<ResourceMetrics> | undefined;
  return () => {
    running ??= collectCompletely(source, deadline).finally(() => {
      running = undefined;
    });
    return running;
  };
}

/** The SDK reports callbacks that failed or ran out of time beside what it did collect: a scrape is whole or refused. */
async function collectCompletely(source: MetricSource, deadline: number): Promise<ResourceMetrics> {
  const { resourceMetrics, errors } = await source.collect({ timeoutMillis: deadline });
  if (errors.length > 0) throw new AggregateError(errors, 'Collecting the metrics failed.');
  return zeroFill(resourceMetrics);
}

function metricsReply(
  metrics: ResourceMetrics,
  { accept, acceptEncoding }: ScrapeRequest,
  exemplars: Exemplars | null,
): ScrapeReply {
  const format = negotiateFormat(accept);
  const text = renderMetrics(metrics, format, exemplars);
  const headers = { 'content-type': contentTypes[format], vary: 'accept, accept-encoding' };
  if (!acceptsGzip(acceptEncoding)) return { status: 200, headers, body: text };
  // Not on the thread pool: there, scrapes would hold up the syncs that every request waits for.
  return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: gzipSync(text) };
}

function plainReply(status: 500 | 503, body: string): ScrapeReply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}
