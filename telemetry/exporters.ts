/** The OTLP exporter of each signal and protocol, loaded when it is wanted: together they are much of the SDK. */
import type { MeterProvider } from '@opentelemetry/api';
import type { ExportResult } from '@opentelemetry/core';
import type { LogRecordExporter } from '@opentelemetry/sdk-logs';
import type { PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { PushTarget } from './otlp-settings.ts';
import type { PushWatch } from './push-health.ts';
import { zeroFillPushes } from './zero-fill.ts';

const metricExporters = {
  'http/protobuf': () => import('@opentelemetry/exporter-metrics-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-metrics-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-metrics-otlp-grpc'),
};
const traceExporters = {
  'http/protobuf': () => import('@opentelemetry/exporter-trace-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-trace-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-trace-otlp-grpc'),
};
const logExporters = {
  'http/protobuf': () => import('@opentelemetry/exporter-logs-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-logs-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-logs-otlp-grpc'),
};

/** Pushes what a scrape would show, with the same zeros from the first push on. */
export async function metricExporter(
  { protocol, url }: PushTarget,
  watch: PushWatch,
): Promise<PushMetricExporter> {
  const { OTLPMetricExporter } = await metricExporters[protocol]();
  const exporter = new OTLPMetricExporter({ url });
  const { export: push, ...rest } = watched(exporter, watch);
  const zeroFill = zeroFillPushes(kind => exporter.selectAggregationTemporality(kind));
  return {
    ...rest,
    export: (metrics, done) => push(zeroFill(metrics), done),
    selectAggregationTemporality: kind => exporter.selectAggregationTemporality(kind),
    selectAggregation: kind => exporter.selectAggregation(kind),
  };
}

/** @param selfObsMeterProvider records the exporter's own `otel.sdk.*` metrics */
export async function traceExporter(
  { protocol, url }: PushTarget,
  watch: PushWatch,
  selfObsMeterProvider: MeterProvider,
): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await traceExporters[protocol]();
  return watched(new OTLPTraceExporter({ url, selfObsMeterProvider }), watch);
}

/** @param selfObsMeterProvider records the exporter's own `otel.sdk.*` metrics */
export async function logExporter(
  { protocol, url }: PushTarget,
  watch: PushWatch,
  selfObsMeterProvider: MeterProvider,
): Promise<LogRecordExporter> {
  const { OTLPLogExporter } = await logExporters[protocol]();
  return watched(new OTLPLogExporter({ url, selfObsMeterProvider }), watch);
}

interface Exporter<Items> {
  export(items: Items, done: (result: ExportResult) => void): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

function watched<Items>(exporter: Exporter<Items>, watch: PushWatch): Exporter<Items> {
  return {
    export(items, done) {
      const began = performance.now();
      exporter.export(items, result => {
        watch(result, began);
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}
