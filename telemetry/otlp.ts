import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import {
  type MetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { zeroFill } from './zero-fill.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where metrics are pushed to, and how often. */
export interface PushTarget {
  /** The whole address; undefined leaves it, as all other settings of OTLP, to the exporter's own variables. */
  readonly url: string | undefined;
  readonly intervalMilliseconds: number;
}

/** The default of OTEL_METRIC_EXPORT_INTERVAL (OpenTelemetry SDK environment variables). */
const defaultInterval = 60_000;
/** The SDK's default; it may not exceed the interval. */
const maxExportTime = 30_000;

/** Undefined where nothing asks for a push: it is off by default. */
export function pushTarget(endpoint: string | undefined, environment: Environment): PushTarget | undefined {
  const asked =
    environment['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT'] || environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (endpoint === undefined && !asked) return undefined;
  const interval = Number(environment['OTEL_METRIC_EXPORT_INTERVAL']);
  return {
    url: endpoint === undefined ? undefined : `${endpoint.replace(/\/$/, '')}/v1/metrics`,
    intervalMilliseconds: interval > 0 ? interval : defaultInterval,
  };
}

/** Pushes by OTLP, http/protobuf, what a scrape would show. */
export function createPushReader({ url, intervalMilliseconds }: PushTarget): MetricReader {
  const exporter = new OTLPMetricExporter(url === undefined ? {} : { url });
  return new PeriodicExportingMetricReader({
    exporter: zeroFilled(exporter),
    exportIntervalMillis: intervalMilliseconds,
    exportTimeoutMillis: Math.min(maxExportTime, intervalMilliseconds),
  });
}

/** The same zeros as a scrape, from the first push on. */
function zeroFilled(exporter: OTLPMetricExporter): PushMetricExporter {
  return {
    export: (metrics, resultCallback) => exporter.export(zeroFill(metrics), resultCallback),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    selectAggregationTemporality: kind => exporter.selectAggregationTemporality(kind),
    selectAggregation: kind => exporter.selectAggregation(kind),
  };
}
