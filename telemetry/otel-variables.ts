/**
 * The variables of OpenTelemetry that are known, and what becomes of each. Sources: opentelemetry.io/docs/specs/otel, "Environment
 * Variable Specification" and "OTLP Exporter", and the packages of the JavaScript SDK. docs/CONFIGURATION.md has the same rows.
 */
import {
  anything,
  attributeLimit,
  type FaultOf,
  headers,
  listOf,
  milliseconds,
  oneOf,
  oneOfWords,
  pemFile,
  queueSize,
  ratio,
  resourceAttributes,
} from './variable-faults.ts';

export interface OtelVariable {
  /** `<SIGNAL>` in it stands for METRICS, TRACES and LOGS. */
  readonly name: string;
  readonly standard: string;
  readonly meaning: string;
  readonly faultOf: FaultOf;
  /** Whether a message may not show the value. */
  readonly isSecret: boolean;
}

function followed(name: string, faultOf: FaultOf, standard: string, meaning: string): OtelVariable {
  return { name, faultOf, standard, meaning, isSecret: /_HEADERS$|_ATTRIBUTES$/.test(name) };
}

/** Asks for something that is not there. */
function refused(name: string, instead: string): OtelVariable {
  const meaning = `Refused: ${instead}.`;
  return { name, faultOf: () => `cannot be followed: ${instead}`, standard: '', meaning, isSecret: true };
}

const words = ['true', 'false'];
const samplers = ['always_on', 'always_off', 'traceidratio'];
const protocols = ['http/protobuf', 'http/json', 'grpc'];
/** The detectors that run. Those of the host and the process would push the host's name and the command line. */
const detectors = ['env', 'serviceinstance'];

/** A batch processor's. */
function batchRows(prefix: string, items: string): OtelVariable[] {
  return [
    followed(`${prefix}_MAX_QUEUE_SIZE`, queueSize, '2048', `How many ${items} may wait to be pushed.`),
    followed(
      `${prefix}_MAX_EXPORT_BATCH_SIZE`,
      queueSize,
      '512',
      `How many ${items} a push has; no more than may wait.`,
    ),
    followed(
      `${prefix}_SCHEDULE_DELAY`,
      milliseconds,
      'of the SDK',
      `Milliseconds between pushes of ${items}.`,
    ),
    followed(`${prefix}_EXPORT_TIMEOUT`, milliseconds, '30000', `Milliseconds for a push of ${items}.`),
  ];
}

/** One of all signals, and one of each that goes before it. */
function exporterRows(suffix: string, faultOf: FaultOf, standard: string, meaning: string): OtelVariable[] {
  return [
    followed(`OTEL_EXPORTER_OTLP_${suffix}`, faultOf, standard, meaning),
    followed(
      `OTEL_EXPORTER_OTLP_<SIGNAL>_${suffix}`,
      faultOf,
      '',
      'The same for `METRICS`, `TRACES` or `LOGS`.',
    ),
  ];
}

function limitRow(name: string, meaning: string): OtelVariable {
  return followed(name, attributeLimit, 'of the SDK', meaning);
}

/** The variables that a row stands for. */
export function namesOf(name: string): string[] {
  if (!name.includes('<SIGNAL>')) return [name];
  return ['METRICS', 'TRACES', 'LOGS'].map(signal => name.replace('<SIGNAL>', signal));
}

export const otelVariables: readonly OtelVariable[] = [
  followed(
    'OTEL_SDK_DISABLED',
    oneOfWords(words),
    '`false`',
    '`true` switches all of it off; a scrape is then answered 503.',
  ),
  followed(
    'OTEL_LOG_LEVEL',
    oneOfWords(['none', 'error', 'warn', 'info', 'debug', 'verbose', 'all']),
    '`warn`',
    'What the SDK says of itself in the log of the service, at most 10 lines a minute.',
  ),
  followed(
    'OTEL_SERVICE_NAME',
    anything,
    '`jarvis-secretsd`',
    'What the service is called in all that is pushed.',
  ),
  followed(
    'OTEL_RESOURCE_ATTRIBUTES',
    resourceAttributes,
    '',
    '`key=value,…` in percent-encoding: what describes the service in all that is pushed.',
  ),
  followed(
    'OTEL_PROPAGATORS',
    listOf(['tracecontext', 'baggage', 'none'], 'none'),
    '`tracecontext`',
    "Without `tracecontext` in it a caller's `traceparent` is not looked at. Baggage goes nowhere, for the service calls nobody.",
  ),
  followed(
    'OTEL_TRACES_SAMPLER',
    oneOf([...samplers, ...samplers.map(name => `parentbased_${name}`)]),
    'parent-based, `telemetry.otlp.trace_ratio`',
    'Which traces are pushed.',
  ),
  followed('OTEL_TRACES_SAMPLER_ARG', ratio, '`1`', 'The ratio of the samplers with `traceidratio`.'),
  followed(
    'OTEL_METRICS_EXPORTER',
    listOf(['otlp', 'prometheus', 'none'], 'none'),
    '`otlp` where there is an address',
    '`none` switches pushing off; `otlp` alone asks for `localhost:4318` (gRPC: 4317). The scrape stays.',
  ),
  followed(
    'OTEL_TRACES_EXPORTER',
    listOf(['otlp', 'none'], 'none'),
    '`otlp` where there is an address',
    'The same.',
  ),
  followed(
    'OTEL_LOGS_EXPORTER',
    listOf(['otlp', 'none'], 'none'),
    '`otlp` where there is an address',
    'The same.',
  ),
  ...exporterRows(
    'ENDPOINT',
    anything,
    '`telemetry.otlp.endpoint`',
    "The collector's base address; `/v1/<signal>` is added for HTTP. That of one signal is taken as it is. A user or password in it is refused.",
  ),
  ...exporterRows('PROTOCOL', oneOf(protocols), '`http/protobuf`', '`http/protobuf`, `http/json` or `grpc`.'),
  ...exporterRows('HEADERS', headers, '', '`key=value,…` in percent-encoding: where credentials belong.'),
  ...exporterRows('COMPRESSION', oneOf(['gzip', 'none']), '`none`', '`gzip` or `none`.'),
  ...exporterRows('TIMEOUT', milliseconds, '`10000`', 'Milliseconds for a push with its retries.'),
  ...exporterRows(
    'INSECURE',
    oneOfWords(words),
    '`false`',
    '`true` pushes without TLS to a gRPC address without `http://` or `https://`.',
  ),
  ...exporterRows('CERTIFICATE', pemFile('ca'), '', 'A PEM file: the authorities of the collector.'),
  ...exporterRows(
    'CLIENT_CERTIFICATE',
    pemFile('cert'),
    '',
    'A PEM file: the certificate of the service for the collector.',
  ),
  ...exporterRows(
    'CLIENT_KEY',
    pemFile('key'),
    '',
    'A PEM file: the key of that certificate. Both are set, or neither.',
  ),
  followed('OTEL_METRIC_EXPORT_INTERVAL', milliseconds, '`60000`', 'Milliseconds between pushes of metrics.'),
  followed(
    'OTEL_METRIC_EXPORT_TIMEOUT',
    milliseconds,
    '`30000`',
    'Milliseconds for a push of metrics; no more than the interval.',
  ),
  followed(
    'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
    oneOfWords(['cumulative', 'delta', 'lowmemory']),
    '`cumulative`',
    '`cumulative`, `delta` or `lowmemory`. Prometheus wants it as it is.',
  ),
  followed(
    'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION',
    oneOfWords(['explicit_bucket_histogram']),
    '`explicit_bucket_histogram`',
    'Nothing else: each histogram has its own buckets.',
  ),
  followed(
    'OTEL_METRICS_EXEMPLAR_FILTER',
    oneOfWords(['trace_based']),
    '`trace_based`',
    'Nothing else: an exemplar names a trace that was pushed.',
  ),
  ...batchRows('OTEL_BSP', 'spans'),
  ...batchRows('OTEL_BLRP', 'log records'),
  limitRow('OTEL_ATTRIBUTE_COUNT_LIMIT', 'Attributes of a span or log record.'),
  limitRow('OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'Characters of the value of an attribute.'),
  limitRow('OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT', 'The same for spans.'),
  limitRow('OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'The same for spans.'),
  limitRow('OTEL_SPAN_EVENT_COUNT_LIMIT', 'Events of a span; the service makes none.'),
  limitRow('OTEL_SPAN_LINK_COUNT_LIMIT', 'Links of a span; the service makes none.'),
  limitRow('OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT', 'Attributes of an event.'),
  limitRow('OTEL_LINK_ATTRIBUTE_COUNT_LIMIT', 'Attributes of a link.'),
  limitRow('OTEL_SPAN_ATTRIBUTE_PER_EVENT_COUNT_LIMIT', 'Attributes of an event.'),
  limitRow('OTEL_SPAN_ATTRIBUTE_PER_LINK_COUNT_LIMIT', 'Attributes of a link.'),
  limitRow('OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT', 'The same for log records.'),
  limitRow('OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT', 'The same for log records.'),
  followed(
    'OTEL_NODE_RESOURCE_DETECTORS',
    listOf(detectors, ''),
    '`env,serviceinstance`',
    'No others: they would push the name of the host and the command line.',
  ),
  refused('OTEL_CONFIG_FILE', 'there is no declarative configuration; use these variables'),
  refused('OTEL_EXPERIMENTAL_CONFIG_FILE', 'there is no declarative configuration; use these variables'),
  refused('OTEL_EXPORTER_PROMETHEUS_HOST', 'set telemetry.prometheus.bind_addr'),
  refused('OTEL_EXPORTER_PROMETHEUS_PORT', 'set telemetry.prometheus.bind_addr'),
];

/** Known, and without effect here: of other exporters, other languages and other instrumentation. The log names those that are set. */
export const withoutEffect: readonly string[] = [
  'OTEL_ENTITIES',
  'OTEL_EXPORTER_JAEGER_*',
  'OTEL_EXPORTER_ZIPKIN_*',
  'OTEL_EXPORTER_OTLP_PROFILES_*',
  'OTEL_EXPORTER_OTLP_SPAN_INSECURE',
  'OTEL_EXPORTER_OTLP_METRIC_INSECURE',
  'OTEL_INSTRUMENTATION_*',
  'OTEL_NODE_DISABLED_INSTRUMENTATIONS',
  'OTEL_NODE_ENABLED_INSTRUMENTATIONS',
  'OTEL_NODE_EXPERIMENTAL_SDK_METRICS',
  'OTEL_RESOURCE_ATTRIBUTES_*',
  'OTEL_SEMCONV_STABILITY_OPT_IN',
];
