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

export const libraryMetrics: readonly MetricDefinition[] = runtimeMetrics;

/**
 * What the runtime instrumentation offers and we leave out: a counter whose conventional series name promtool objects to;
 * `nodejs.eventloop.utilization` says the same.
 */
export const droppedInstruments: readonly string[] = ['nodejs.eventloop.time'];
