import type { Attributes } from '@opentelemetry/api';
import {
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { catalogue, type MetricDefinition } from './catalogue.ts';
import type { Exemplar, Exemplars } from './exemplars.ts';
import type { ExpositionFormat } from './negotiation.ts';

/**
 * A collection as Prometheus text 0.0.4 or OpenMetrics 1.0.0, with the catalogue's literal series names in both.
 * Instruments that the catalogue lacks are left out: no View bounds their attributes.
 * @param exemplars shown on the buckets of histograms, in OpenMetrics only: the classic text has no place for them
 */
export function renderMetrics(
  collected: ResourceMetrics,
  format: ExpositionFormat,
  exemplars: Exemplars | null = null,
): string {
  const byInstrument = new Map<string, MetricData>();
  for (const { metrics } of collected.scopeMetrics) {
    for (const data of metrics) byInstrument.set(data.descriptor.name, data);
  }
  const lines = targetInfo(collected.resource.attributes, format);
  for (const definition of catalogue) {
    const data = byInstrument.get(definition.instrument);
    if (data !== undefined) {
      const shown = format === 'openmetrics' ? exemplars : null;
      lines.push(...family(definition, format), ...samples(definition, data, format, shown));
    }
  }
  if (format === 'openmetrics') lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

/** Of the resource only the two attributes that hold nothing of the host or the command line. */
function targetInfo(resource: Attributes, format: ExpositionFormat): string[] {
  const { 'service.name': name = '', 'service.version': version = '' } = resource;
  const info = { name: 'target_info', kind: 'gauge', help: 'What is scraped.' } as const;
  return [
    ...family(info, format),
    sample(info.name, labels({ 'service.name': name, 'service.version': version }), 1),
  ];
}

function family(
  { name, kind, help }: Pick<MetricDefinition, 'name' | 'kind' | 'help'>,
  format: ExpositionFormat,
) {
  const described = format === 'openmetrics' ? openMetricsFamily(name, kind) : { name, type: kind };
  const text = format === 'openmetrics' ? escapeQuoted(help) : escapeHelp(help);
  return [`# HELP ${described.name} ${text}`, `# TYPE ${described.name} ${described.type}`];
}

/**
 * In OpenMetrics a counter's samples are its family's name with `_total`. A counter whose literal name lacks it cannot
 * be called one there: `unknown` keeps the name.
 */
function openMetricsFamily(name: string, kind: MetricDefinition['kind']): { name: string; type: string } {
  if (kind !== 'counter') return { name, type: kind };
  return name.endsWith('_total')
    ? { name: name.slice(0, -'_total'.length), type: 'counter' }
    : { name, type: 'unknown' };
}

function samples(
  { name, attributes }: MetricDefinition,
  data: MetricData,
  format: ExpositionFormat,
  exemplars: Exemplars | null,
): string[] {
  switch (data.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      return data.dataPoints.map(point => sample(name, labels(point.attributes), point.value));
    case DataPointType.HISTOGRAM:
      return data.dataPoints.flatMap(point => {
        const series = attributes.map(attribute => point.attributes[attribute]);
        return histogramSamples(name, point, format, exemplars?.of(name, series) ?? []);
      });
    default:
      throw new TypeError(`The metric ${name} has a data point type that no View of ours asks for.`);
  }
}

/** @param exemplars by bucket, the last one for +Inf */
function histogramSamples(
  name: string,
  point: DataPoint<Histogram>,
  format: ExpositionFormat,
  exemplars: readonly (Exemplar | undefined)[],
): string[] {
  const { buckets, count, sum = 0 } = point.value;
  const own = labels(point.attributes);
  let cumulative = 0;
  const lines = buckets.boundaries.map((boundary, index) => {
    cumulative += buckets.counts[index] ?? 0;
    const line = sample(`${name}_bucket`, [...own, `le="${bound(boundary, format)}"`], cumulative);
    return line + exemplarText(exemplars[index]);
  });
  const rest = exemplarText(exemplars[buckets.boundaries.length]);
  lines.push(sample(`${name}_bucket`, [...own, 'le="+Inf"'], count) + rest);
  lines.push(sample(`${name}_sum`, own, sum), sample(`${name}_count`, own, count));
  return lines;
}

/** OpenMetrics 1.0.0, "Exemplars": at most 128 characters of labels, then the value and its Unix time. */
function exemplarText(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  const { traceId, spanId, value, time } = exemplar;
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${value} ${time.toFixed(3)}`;
}

/** OpenMetrics wants `1.0` where classic text has `1`. */
function bound(boundary: number, format: ExpositionFormat): string {
  return format === 'openmetrics' && Number.isInteger(boundary) ? boundary.toFixed(1) : String(boundary);
}

function sample(name: string, labelPairs: readonly string[], value: number): string {
  return `${name}${labelPairs.length === 0 ? '' : `{${labelPairs.join(',')}}`} ${number(value)}`;
}

function labels(attributes: Attributes): string[] {
  return Object.entries(attributes).map(
    ([key, value]) => `${key.replaceAll(/[^a-zA-Z0-9_]/g, '_')}="${escapeQuoted(String(value))}"`,
  );
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeQuoted(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
