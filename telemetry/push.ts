import { context, diag, logs, type MeterProvider, propagation, trace } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { LogRecordProcessor } from '@opentelemetry/sdk-logs';
import type { MetricReader } from '@opentelemetry/sdk-metrics';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import { meterName } from './catalogue.ts';
import { logExporter, metricExporter, traceExporter } from './exporters.ts';
import { PushReader } from './fresh-gauges.ts';
import { createLogBridge } from './log-bridge.ts';
import type { Environment, PushTarget, PushTargets } from './otlp-settings.ts';
import type { PushHealth } from './push-health.ts';
import { createTracing } from './request-tracing.ts';
import type { SdkLog } from './sdk-log.ts';
import { noTracing, type RequestTracing } from './tracing.ts';

/** The defaults of OTEL_METRIC_EXPORT_INTERVAL and _TIMEOUT (OpenTelemetry SDK environment variables). */
const defaultInterval = 60_000;
const defaultTimeout = 30_000;

/** Collects and pushes what a scrape would show. */
export async function createPushReader(
  target: PushTarget,
  health: PushHealth,
  environment: Environment,
): Promise<MetricReader> {
  const exportIntervalMillis = positive(environment, 'OTEL_METRIC_EXPORT_INTERVAL') ?? defaultInterval;
  const timeout = positive(environment, 'OTEL_METRIC_EXPORT_TIMEOUT') ?? defaultTimeout;
  return new PushReader({
    exporter: await metricExporter(target, health.watch('metrics', target)),
    exportIntervalMillis,
    exportTimeoutMillis: Math.min(timeout, exportIntervalMillis),
  });
}

export interface TracesAndLogsOptions {
  readonly targets: PushTargets;
  readonly environment: Environment;
  readonly resource: Resource;
  /** Records what the SDK says of itself. */
  readonly meterProvider: MeterProvider;
  readonly health: PushHealth;
  readonly sdkLog: SdkLog;
  readonly serviceVersion: string;
  /** Share of traces that begin here and are sampled, where OTEL_TRACES_SAMPLER says nothing. */
  readonly sampleRatio: number;
}

export interface TracesAndLogs {
  /** Does nothing while traces are off. */
  readonly tracing: RequestTracing;
  /** Takes each line of the service's log; null while logs are off. */
  readonly bridgeLog: ((line: string) => void) | null;
  stop(): Promise<void>;
}

/**
 * Starts the NodeSDK for traces and logs. It is loaded here, because it brings every exporter that there is: 200 ms and
 * 13 MB that a service which pushes nothing is spared. It registers itself globally, so there is one at a time.
 */
export async function startTracesAndLogs(options: TracesAndLogsOptions): Promise<TracesAndLogs> {
  const { targets, environment, serviceVersion, sdkLog } = options;
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  // NodeSDK would print that it replaces our logger, which it does where OTEL_LOG_LEVEL is set.
  diag.disable();
  const sdk = new NodeSDK({
    resource: options.resource,
    autoDetectResources: false,
    // What a caller's traceparent says is read by request-tracing.ts; nothing is passed on, baggage least of all.
    textMapPropagator: null,
    metricReaders: [],
    spanProcessors: await spanProcessors(options),
    logRecordProcessors: await logProcessors(options),
    ...(await samplerOption(options)),
  });
  sdkLog.install();
  sdk.start();
  const tracer = trace.getTracer(meterName, serviceVersion);
  const logger = logs.getLogger(meterName, serviceVersion);
  return {
    tracing: targets.traces === null ? noTracing : createTracing(tracer, honoursTraceparent(environment)),
    bridgeLog: targets.logs === null ? null : createLogBridge(logger),
    async stop() {
      for (const api of [trace, logs, context, propagation]) api.disable();
      await sdk.shutdown();
    },
  };
}

/** At most 2,048 ended spans wait, whatever the collector does; what comes beyond is dropped and counted. */
async function spanProcessors(options: TracesAndLogsOptions): Promise<SpanProcessor[]> {
  const { targets, health, meterProvider, environment } = options;
  if (targets.traces === null) return [];
  const { BatchSpanProcessor } = await import('@opentelemetry/sdk-trace');
  const exporter = await traceExporter(targets.traces, health.watch('traces', targets.traces), meterProvider);
  const limits = batchLimits(environment, 'OTEL_BSP');
  return [new BatchSpanProcessor({ exporter, selfObsMeterProvider: meterProvider, ...limits })];
}

/** At most 2,048 records wait. */
async function logProcessors(options: TracesAndLogsOptions): Promise<LogRecordProcessor[]> {
  const { targets, health, meterProvider, environment } = options;
  if (targets.logs === null) return [];
  const { BatchLogRecordProcessor } = await import('@opentelemetry/sdk-logs');
  const exporter = await logExporter(targets.logs, health.watch('logs', targets.logs), meterProvider);
  const limits = batchLimits(environment, 'OTEL_BLRP');
  return [new BatchLogRecordProcessor({ exporter, selfObsMeterProvider: meterProvider, ...limits })];
}

/** NodeSDK makes the sampler that OTEL_TRACES_SAMPLER names. */
async function samplerOption({ environment, sampleRatio }: TracesAndLogsOptions) {
  if (environment['OTEL_TRACES_SAMPLER']?.trim()) return {};
  const { AlwaysOffSampler, ParentBasedSampler, TraceIdRatioBasedSampler } = await import(
    '@opentelemetry/sdk-trace'
  );
  // Anybody may send a traceparent, without any identity: where no trace is wanted, it makes none.
  if (sampleRatio === 0) return { sampler: new AlwaysOffSampler() };
  return { sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }) };
}

/** W3C trace context is the one propagator there is; OTEL_PROPAGATORS may leave it out. */
function honoursTraceparent({ OTEL_PROPAGATORS: propagators }: Environment): boolean {
  return !propagators?.trim() || propagators.split(',').some(name => name.trim() === 'tracecontext');
}

/** The standard variables of a batch processor; what is not set keeps the SDK's default. */
function batchLimits(environment: Environment, prefix: 'OTEL_BSP' | 'OTEL_BLRP') {
  const names = {
    maxQueueSize: 'MAX_QUEUE_SIZE',
    maxExportBatchSize: 'MAX_EXPORT_BATCH_SIZE',
    scheduledDelayMillis: 'SCHEDULE_DELAY',
    exportTimeoutMillis: 'EXPORT_TIMEOUT',
  };
  const limits = Object.entries(names).flatMap(([option, suffix]) => {
    const value = positive(environment, `${prefix}_${suffix}`);
    return value === undefined ? [] : [[option, value] as const];
  });
  return Object.fromEntries(limits) as Partial<Record<keyof typeof names, number>>;
}

function positive(environment: Environment, name: string): number | undefined {
  const value = Number(environment[name]);
  return value > 0 && Number.isFinite(value) ? value : undefined;
}
