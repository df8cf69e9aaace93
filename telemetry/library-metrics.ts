/** Metrics that libraries record, whose names are not ours; the catalogue bounds their attributes all the same. */
import { conventional, type MetricDefinition } from './metric-definition.ts';

/** Recorded by @opentelemetry/instrumentation-runtime-node, whose names these are. */
const runtimeMetrics = [
  conventional(
    'gauge',
    'nodejs.eventloop.delay.min',
    's',
    'Minimum delay of the event loop since the last collection, in seconds.',
  ),
  conventional(
    'gauge',
    'nodejs.eventloop.delay.max',
    's',
    'Maximum delay of the event loop since the last collection, in seconds.',
  ),
  conventional(
    'gauge',
    'nodejs.eventloop.delay.mean',
    's',
    'Mean delay of the event loop since the last collection, in seconds.',
  ),
  conventional(
    'gauge',
    'nodejs.eventloop.delay.stddev',
    's',
    'Standard deviation of the event loop delay since the last collection, in seconds.',
  ),
  conventional(
    'gauge',
    'nodejs.eventloop.delay.p50',
    's',
    '50th percentile of the event loop delay since the last collection, in seconds.',
  ),
  conventional(
    'gauge',
    'nodejs.eventloop.delay.p90',
    's',
    '90th percentile of the event loop delay since the last collection, in seconds.',
  ),
  conventional(
    'gauge',
    'nodejs.eventloop.delay.p99',
    's',
    '99th percentile of the event loop delay since the last collection, in seconds.',
  ),
  conventional(
    'gauge',
    'nodejs.eventloop.utilization',
    '1',
    'Share of time the event loop was active since the last collection, 0 to 1.',
  ),
  conventional('histogram', 'v8js.gc.duration', 's', 'Duration of garbage collections by kind, in seconds.', {
    attributes: ['v8js.gc.type'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
  }),
  conventional(
    'gauge',
    'v8js.memory.heap.space.size',
    'By',
    'Allocated size of each V8 heap space, in bytes.',
    {
      attributes: ['v8js.heap.space.name'],
    },
  ),
  conventional('gauge', 'v8js.memory.heap.used', 'By', 'Used size of each V8 heap space, in bytes.', {
    attributes: ['v8js.heap.space.name'],
  }),
  conventional(
    'gauge',
    'v8js.memory.heap.space.available_size',
    'By',
    'Available size of each V8 heap space, in bytes.',
    {
      attributes: ['v8js.heap.space.name'],
    },
  ),
  conventional(
    'gauge',
    'v8js.memory.heap.space.physical_size',
    'By',
    'Committed size of each V8 heap space, in bytes.',
    {
      attributes: ['v8js.heap.space.name'],
    },
  ),
  conventional(
    'gauge',
    'v8js.resource.active',
    '{resource}',
    'Resources that keep the event loop alive, by type.',
    {
      attributes: ['v8js.resource.type'],
    },
  ),
] as const;

/** Recorded by the OpenTelemetry SDK about itself while it pushes; the names are its own. */
const sdkMetrics = [
  conventional(
    'counter',
    'otel.sdk.processor.span.processed',
    '{span}',
    'Spans that were handed on to be pushed or, with an error type, lost.',
    { attributes: ['otel.component.type', 'error.type'] },
  ),
  conventional(
    'gauge',
    'otel.sdk.processor.span.queue.size',
    '{span}',
    'Ended spans that wait to be pushed.',
    { attributes: ['otel.component.type'] },
  ),
  conventional(
    'gauge',
    'otel.sdk.processor.span.queue.capacity',
    '{span}',
    'Ended spans that may wait to be pushed; more are dropped.',
    { attributes: ['otel.component.type'] },
  ),
  conventional(
    'counter',
    'otel.sdk.exporter.span.exported',
    '{span}',
    'Spans whose push has ended, with an error type where it failed.',
    { attributes: ['otel.component.type', 'error.type'] },
  ),
  conventional('gauge', 'otel.sdk.exporter.span.inflight', '{span}', 'Spans that are being pushed.', {
    attributes: ['otel.component.type'],
  }),
  conventional(
    'counter',
    'otel.sdk.processor.log.processed',
    '{log_record}',
    'Log records that were handed on to be pushed or, with an error type, lost.',
    { attributes: ['otel.component.type', 'error.type'] },
  ),
  conventional(
    'gauge',
    'otel.sdk.processor.log.queue.size',
    '{log_record}',
    'Log records that wait to be pushed.',
    { attributes: ['otel.component.type'] },
  ),
  conventional(
    'gauge',
    'otel.sdk.processor.log.queue.capacity',
    '{log_record}',
    'Log records that may wait to be pushed; more are dropped.',
    { attributes: ['otel.component.type'] },
  ),
  conventional(
    'counter',
    'otel.sdk.exporter.log.exported',
    '{log}',
    'Log records whose push has ended, with an error type where it failed.',
    { attributes: ['otel.component.type', 'error.type'] },
  ),
  conventional('gauge', 'otel.sdk.exporter.log.inflight', '{log}', 'Log records that are being pushed.', {
    attributes: ['otel.component.type'],
  }),
  conventional(
    'histogram',
    'otel.sdk.exporter.operation.duration',
    's',
    'Duration of a push of spans or log records, retries included, in seconds.',
    {
      attributes: ['otel.component.type', 'error.type', 'http.response.status_code'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    },
  ),
  conventional(
    'histogram',
    'otel.sdk.metric_reader.collection.duration',
    's',
    'Duration of a collection of all metrics, in seconds.',
    {
      attributes: ['otel.component.type', 'error.type'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    },
  ),
] as const;

export const libraryMetrics: readonly MetricDefinition[] = [...runtimeMetrics, ...sdkMetrics];

/**
 * What the runtime instrumentation offers and we leave out: a counter whose conventional series name promtool objects to;
 * `nodejs.eventloop.utilization` says the same.
 */
export const droppedInstruments: readonly string[] = ['nodejs.eventloop.time'];
