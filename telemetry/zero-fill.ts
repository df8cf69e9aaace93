import { type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { catalogue, type MetricDefinition, meterName } from './catalogue.ts';

const processStart: HrTime = [Math.floor(performance.timeOrigin / 1000), 0];

/**
 * The collection with a zero for each label-free metric that nothing has recorded yet: the SDK leaves out an
 * instrument until its first recording, and a counter that starts at 1 hides its first increase from `rate()`.
 * Scrape and push use the same function. Extra gauges are not filled: an unknown reading is not 0.
 */
export function zeroFill(collected: ResourceMetrics): ResourceMetrics {
  const present = new Set(
    collected.scopeMetrics.flatMap(({ metrics }) => metrics.map(({ descriptor }) => descriptor.name)),
  );
  const lacking = catalogue.filter(definition => isFilled(definition) && !present.has(definition.instrument));
  if (lacking.length === 0) return collected;
  // In the very scope of the meter, version included: a collector would take another scope for another series.
  const scope = collected.scopeMetrics.find(({ scope }) => scope.name === meterName)?.scope;
  const filled = { scope: scope ?? { name: meterName }, metrics: lacking.map(zeroOf) };
  return { resource: collected.resource, scopeMetrics: [...collected.scopeMetrics, filled] };
}

function isFilled({ contract, kind, attributes }: MetricDefinition): boolean {
  return contract || (kind !== 'gauge' && attributes.length === 0);
}

function zeroOf(definition: MetricDefinition): MetricData {
  const { instrument, help, unit, kind, buckets } = definition;
  const base = {
    descriptor: { name: instrument, description: help, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
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

function pointOf<T>(value: T): DataPoint<T> {
  const now = Date.now();
  const endTime: HrTime = [Math.floor(now / 1000), (now % 1000) * 1e6];
  return { startTime: processStart, endTime, attributes: {}, value };
}
