import { setTimeout } from 'node:timers/promises';
import { metrics as metricsApi } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';
import {
  defaultResource,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { meterName } from './catalogue.ts';
import { createExposition, type Exposition } from './exposition.ts';
import { createMetrics, type Metrics } from './instruments.ts';
import { createPushReader, type PushTarget, pushTarget } from './otlp.ts';
import { observeProcess, type ProcessFacts } from './process-metrics.ts';
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
  readonly process: ProcessFacts & { readonly env: Readonly<Record<string, string | undefined>> };
  /** The collector's base address; undefined leaves it to the `OTEL_EXPORTER_OTLP_*` variables, and off without them. */
  readonly otlpEndpoint: string | undefined;
  /** Told why a scrape was answered 500. */
  readonly onError: (error: unknown) => void;
}

export interface Telemetry {
  readonly metrics: Metrics;
  readonly exposition: Exposition;
  /** Does nothing while traces are off. */
  readonly tracing: RequestTracing;
  /** Stops collecting; what is recorded afterwards goes nowhere. */
  shutdown(): Promise<void>;
}

/**
 * Starts OpenTelemetry for this process: one at a time, since the SDK registers itself globally. With
 * `OTEL_SDK_DISABLED=true` the verbs do nothing and scrapes are answered 503.
 */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { serviceVersion, otlpEndpoint, onError } = options;
  const { env } = options.process;
  const push = pushTarget(otlpEndpoint, env);
  const sdk = isDisabled(env) ? undefined : startSdk(serviceVersion, push);
  const meter = metricsApi.getMeter(meterName, serviceVersion);
  const metrics = createMetrics(meter);
  observeProcess(meter, options.process, serviceVersion);
  return {
    metrics,
    exposition: createExposition({ source: sdk?.reader, deadline: scrapeDeadline, onError }),
    tracing: noTracing,
    shutdown: async () => sdk?.stop(),
  };
}

/** The SDK reads the variable too; it is asked here so that nothing is started that would never be collected. */
function isDisabled(environment: Readonly<Record<string, string | undefined>>): boolean {
  return environment['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true';
}

/**
 * The empty processor lists keep the SDK from sending spans and logs to localhost:4318; their processors join here. The detectors leave out the host and the command line.
 */
export function startSdk(
  serviceVersion: string,
  push?: PushTarget,
): { reader: PrometheusExporter; stop(): Promise<void> } {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const runtime = new RuntimeNodeInstrumentation();
  const sdk = new NodeSDK({
    resource: defaultResource().merge(
      resourceFromAttributes({ [ATTR_SERVICE_NAME]: serviceName, [ATTR_SERVICE_VERSION]: serviceVersion }),
    ),
    resourceDetectors: [serviceInstanceIdDetector, envDetector],
    metricReaders: push === undefined ? [reader] : [reader, createPushReader(push)],
    views: [...catalogueViews],
    spanProcessors: [],
    logRecordProcessors: [],
    instrumentations: [runtime],
  });
  sdk.start();
  return {
    reader,
    async stop() {
      runtime.disable();
      // A last push to a collector that is gone is retried for longer than a stop may take.
      await Promise.race([sdk.shutdown(), setTimeout(stopDeadline, undefined, { ref: false })]);
      metricsApi.disable();
    },
  };
}
