import { setTimeout } from 'node:timers/promises';
import { createNoopMeter, type Meter } from '@opentelemetry/api';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { meterName } from './catalogue.ts';
import { Exemplars } from './exemplars.ts';
import { createExposition, type Exposition, type MetricSource } from './exposition.ts';
import { ScrapeReader } from './fresh-gauges.ts';
import { createMetrics, type Metrics } from './instruments.ts';
import { variablesWithoutEffect } from './otel-environment.ts';
import { type Environment, isSdkDisabled, type PushTargets, pushTargets } from './otlp-settings.ts';
import { observeProcess, type ProcessFacts } from './process-metrics.ts';
import type { TracesAndLogs } from './push.ts';
import { PushHealth, type PushLog } from './push-health.ts';
import { SdkLog } from './sdk-log.ts';
import { noTracing, type RequestTracing } from './tracing.ts';
import { catalogueViews } from './views.ts';

const serviceName = 'jarvis-secretsd';

/** Milliseconds; half of Prometheus's own default, so that a scraper hears why. */
const scrapeDeadline = 5000;
/** How long a last push may take, in milliseconds. */
const stopDeadline = 2000;

export interface TelemetryOptions {
  readonly serviceVersion: string;
  /** The process to report on, with the environment that holds the standard `OTEL_*` variables. */
  readonly process: ProcessFacts & { readonly env: Environment };
  readonly otlp: {
    /** The collector's base address; undefined leaves it to the `OTEL_EXPORTER_OTLP_*` variables, and off without them. */
    readonly endpoint?: string;
    /** Share of traces that begin here and are sampled. */
    readonly trace_ratio: number;
  };
  /** Told when a collector goes away and when it is back. */
  readonly log: PushLog;
  /** Told why a scrape was answered 500. */
  readonly onError: (error: unknown) => void;
}

export interface Telemetry {
  readonly metrics: Metrics;
  readonly exposition: Exposition;
  /** Does nothing while traces are off. */
  readonly tracing: RequestTracing;
  /** Takes each line of the service's log; null while logs are not pushed. */
  readonly bridgeLog: ((line: string) => void) | null;
  /** Stops collecting; what is recorded afterwards goes nowhere. */
  shutdown(): Promise<void>;
}

/**
 * Starts OpenTelemetry for this process. With `OTEL_SDK_DISABLED=true` the verbs do nothing and scrapes are answered 503.
 * @throws Error for `OTEL_*` variables that cannot be followed
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env } = options.process;
  const sdk = isSdkDisabled(env) ? disabled : await startSdk(options);
  const exemplars = new Exemplars();
  const metrics = createMetrics(sdk.meter, exemplars);
  observeProcess(sdk.meter, options.process, options.serviceVersion);
  const { onError } = options;
  return {
    metrics,
    exposition: createExposition({ source: sdk.reader, deadline: scrapeDeadline, onError, exemplars }),
    tracing: sdk.tracing,
    bridgeLog: sdk.bridgeLog,
    shutdown: sdk.stop,
  };
}

interface Sdk extends TracesAndLogs {
  readonly meter: Meter;
  /** What a scrape reads; undefined when the SDK is disabled. */
  readonly reader: MetricSource | undefined;
}

const nothingElse: TracesAndLogs = { tracing: noTracing, bridgeLog: null, stop: async () => undefined };
const disabled: Sdk = { ...nothingElse, meter: createNoopMeter(), reader: undefined };

/** Metrics for scrapes always; what pushes them, traces and logs is loaded only where it is asked for. */
export async function startSdk(options: Omit<TelemetryOptions, 'onError'>): Promise<Sdk> {
  const { env } = options.process;
  const targets = pushTargets(options.otlp.endpoint, env);
  const health = new PushHealth(options.log);
  const sdkLog = new SdkLog(options.log, health, env);
  sdkLog.install();
  const ignored = variablesWithoutEffect(env);
  if (ignored.length > 0) {
    options.log.warn({ variables: ignored }, 'variables of OpenTelemetry have no effect on this service');
  }
  const resource = serviceResource(options.serviceVersion);
  const reader = new ScrapeReader();
  const pushes = Object.values(targets).some(target => target !== null);
  const provider = new MeterProvider({
    resource,
    views: [...catalogueViews],
    readers: [reader, ...(await pushReaders(targets, health, env))],
    sdkMetricsEnabled: pushes,
  });
  const runtime = new RuntimeNodeInstrumentation();
  runtime.setMeterProvider(provider);
  const meter = provider.getMeter(meterName, options.serviceVersion);
  if (pushes) health.observe(meter);
  const others = await startOthers(options, targets, { resource, meterProvider: provider, health, sdkLog });
  return {
    ...others,
    meter,
    reader,
    async stop() {
      runtime.disable();
      const stopped = Promise.allSettled([others.stop(), provider.shutdown()]);
      // A last push to a collector that is gone is retried for longer than a stop may take.
      await Promise.race([stopped, setTimeout(stopDeadline, undefined, { ref: false })]);
    },
  };
}

/** The detectors leave out the host and the command line. */
function serviceResource(version: string): Resource {
  const own = resourceFromAttributes({ [ATTR_SERVICE_NAME]: serviceName, [ATTR_SERVICE_VERSION]: version });
  const detected = detectResources({ detectors: [serviceInstanceIdDetector, envDetector] });
  return defaultResource().merge(own).merge(detected);
}

async function pushReaders({ metrics }: PushTargets, health: PushHealth, environment: Environment) {
  if (metrics === null) return [];
  const { createPushReader } = await import('./push.ts');
  return [await createPushReader(metrics, health, environment)];
}

async function startOthers(
  options: Omit<TelemetryOptions, 'onError'>,
  targets: PushTargets,
  shared: { resource: Resource; meterProvider: MeterProvider; health: PushHealth; sdkLog: SdkLog },
): Promise<TracesAndLogs> {
  if (targets.traces === null && targets.logs === null) return nothingElse;
  const { startTracesAndLogs } = await import('./push.ts');
  return await startTracesAndLogs({
    ...shared,
    targets,
    environment: options.process.env,
    serviceVersion: options.serviceVersion,
    sampleRatio: options.otlp.trace_ratio,
  });
}
