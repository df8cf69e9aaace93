import { ValueType } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import t from 'tap';
import type { ExpositionFormat } from '../../telemetry/negotiation.ts';
import { renderMetrics } from '../../telemetry/text-format.ts';
import { zeroFill } from '../../telemetry/zero-fill.ts';

function collected(...metrics: MetricData[]): ResourceMetrics {
  const resource = resourceFromAttributes({
    'service.name': 'a "quoted" service',
    'service.version': '1.2.3',
    'process.command_args': ['--secret'],
  });
  return { resource, scopeMetrics: [{ scope: { name: 'test' }, metrics }] };
}

function gaugeData(name: string, value: number, attributes = {}): MetricData {
  return {
    descriptor: { name, description: 'not used', unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.GAUGE,
    dataPoints: [{ startTime: [0, 0], endTime: [0, 0], attributes, value }],
  };
}

/** Series names with labels, without values. */
function seriesNames(format: ExpositionFormat): string[] {
  return renderMetrics(zeroFill(collected()), format)
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => line.slice(0, line.lastIndexOf(' ')));
}

t.test('classic text', async t => {
  const text = renderMetrics(zeroFill(collected()), 'classic');
  t.match(text, '# HELP http_requests_total HTTP requests received, malformed and aborted ones included.\n');
  t.match(text, '# TYPE http_requests_total counter\nhttp_requests_total 0\n');
  t.match(text, '# TYPE http_requests_success counter\nhttp_requests_success 0\n');
  t.match(
    text,
    '# TYPE http_request_duration_seconds histogram\nhttp_request_duration_seconds_bucket{le="0.001"} 0\n',
  );
  t.notMatch(text, '# EOF');
  t.ok(text.endsWith('\n'));
});

t.test('OpenMetrics', async t => {
  const text = renderMetrics(zeroFill(collected()), 'openmetrics');
  t.match(text, '# TYPE http_requests counter\nhttp_requests_total 0\n');
  t.match(text, '# TYPE http_requests_success unknown\nhttp_requests_success 0\n');
  t.match(text, '# TYPE secrets_total gauge\nsecrets_total 0\n');
  t.match(text, 'store_commit_duration_seconds_bucket{le="1.0"} 0\n');
  t.ok(text.endsWith('\n# EOF\n'));
  t.equal(text.indexOf('# EOF'), text.length - '# EOF\n'.length);
});

t.test('both formats have the same series', async t => {
  t.same(
    seriesNames('openmetrics').map(name => name.replace(/le="(\d+)\.0"/, 'le="$1"')),
    seriesNames('classic'),
  );
});

t.test('labels and numbers are escaped and written as the formats want', async t => {
  const text = renderMetrics(
    collected(
      gaugeData('disk_free_bytes', Number.POSITIVE_INFINITY, { path_kind: 'a\\b\n"c"' }),
      gaugeData('rotations_overdue', Number.NEGATIVE_INFINITY),
      gaugeData('audit_latched', Number.NaN),
    ),
    'classic',
  );
  t.match(text, 'disk_free_bytes{path_kind="a\\\\b\\n\\"c\\""} +Inf\n');
  t.match(text, 'rotations_overdue -Inf\n');
  t.match(text, 'audit_latched NaN\n');
});

t.test('of the resource only name and version are shown', async t => {
  const text = renderMetrics(collected(), 'classic');
  t.match(text, 'target_info{service_name="a \\"quoted\\" service",service_version="1.2.3"} 1\n');
  t.notMatch(text, '--secret');
});

t.test('an instrument that the catalogue lacks is left out', async t => {
  t.notMatch(renderMetrics(collected(gaugeData('stray', 1, { client: 'web' })), 'classic'), 'stray');
});
