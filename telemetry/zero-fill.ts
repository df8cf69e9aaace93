import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  InstrumentType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { catalogue, type MetricDefinition, meterName } from './catalogue.ts';

const processStart: HrTime = [Math.floor(performance.timeOrigin / 1000), 0];

/** The instruments that are filled; counters without labels are observable ones. */
const instrumentTypes = {
  counter: InstrumentType.OBSERVABLE_COUNTER,
  gauge: InstrumentType.OBSERVABLE_GAUGE,
  histogram: InstrumentType.HISTOGRAM,
} as const;

/** How what is exported counts. */
interface Stream {
  /** What a sum or histogram of the instrument is: since the start, or since the push before. */
  readonly temporalityOf: TemporalityOf;
  /** When the push before was, for those that count from there. */
  readonly since: HrTime;
}

export type TemporalityOf = (instrument: InstrumentType) => AggregationTemporality;

const cumulative: Stream = { temporalityOf: () => AggregationTemporality.CUMULATIVE, since: processStart };

/**
 * Zero-fills one push after another as the exporter wants it: a histogram that was delta in one push and cumulative in the next
 * would be two series to a collector, or none.
 */
export function zeroFillPushes(
  temporalityOf: TemporalityOf,
): (collected: ResourceMetrics) => ResourceMetrics {
  let since = processStart;
  return collected => {
    const filled = zeroFill(collected, { temporalityOf, since });
    since = hrTimeNow();
    return filled;
  };
}

/**
 * The collection with a zero for each label-free metric that nothing has recorded yet: the SDK leaves out an
 * instrument until its first recording, and a counter that starts at 1 hides its first increase from `rate()`.
 * Scrape and push use the same function. Extra gauges are not filled: an unknown reading is not 0.
 */
export function zeroFill(
  collected: ResourceMetrics,
  { temporalityOf, since }: Stream = cumulative,
): ResourceMetrics {
  const present = new Set(
    collected.scopeMetrics.flatMap(({ metrics }) => metrics.map(({ descriptor }) => descriptor.name)),
  );
  const lacking = catalogue.filter(definition => isFilled(definition) && !present.has(definition.instrument));
  if (lacking.length === 0) return collected;
  // In the very scope of the meter, version included: a collector would take another scope for another series.
  const scope = collected.scopeMetrics.find(({ scope }) => scope.name === meterName)?.scope;
  const filled = {
    scope: scope ?? { name: meterName },
    metrics: lacking.map(definition => zeroOf(definition, temporalityOf, since)),
  };
  return { resource: collected.resource, scopeMetrics: [...collected.scopeMetrics, filled] };
}

function isFilled({ contract, kind, attributes }: MetricDefinition): boolean {
  return contract || (kind !== 'gauge' && attributes.length === 0);
}

function zeroOf(definition: MetricDefinition, temporalityOf: TemporalityOf, since: HrTime): MetricData {
  const { instrument, help, unit, kind, buckets } = definition;
  const temporality = temporalityOf(instrumentTypes[kind]);
  const startTime = temporality === AggregationTemporality.DELTA ? since : processStart;
  const pointOf = <T>(value: T): DataPoint<T> => ({ startTime, endTime: hrTimeNow(), attributes: {}, value });
  const base = {
    descriptor: { name: instrument, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: temporality,
  };
  switch (kind) {
    case 'counter':
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: [pointOf(0)] };
    case 'gauge':
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: [pointOf(0)] };
    case 'histogram': {
      const counts = Array<number>(buckets.length + 1).fill(0);
      const value = { buckets: { boundaries: [...buckets], counts }, sum: 0, count: 0 };
      return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints: [pointOf(value)] };
    }
  }
}

function hrTimeNow(): HrTime {
  const now = Date.now();
  return [Math.floor(now / 1000), (now % 1000) * 1e6];
}
