import { hrTimeToMilliseconds } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import t from 'tap';
import { catalogue, meterName } from '../../telemetry/catalogue.ts';
import { zeroFill, zeroFillPushes } from '../../telemetry/zero-fill.ts';

const nothing: ResourceMetrics = { resource: emptyResource(), scopeMetrics: [] };

function metricsOf({ scopeMetrics }: ResourceMetrics) {
  return scopeMetrics.flatMap(({ metrics }) => metrics);
}

t.test('fills in the fifteen, the histogram with all its buckets', async t => {
  const filled = metricsOf(zeroFill(nothing));
  for (const { instrument } of catalogue.filter(({ contract }) => contract)) {
    t.equal(filled.filter(({ descriptor }) => descriptor.name === instrument).length, 1, instrument);
  }
  t.match(
    filled.find(({ descriptor }) => descriptor.name === 'http_requests_success'),
    {
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      dataPoints: [{ value: 0, attributes: {} }],
    },
  );
  t.match(
    filled.find(({ descriptor }) => descriptor.name === 'http_request_duration_seconds'),
    {
      descriptor: { unit: 's' },
      dataPoints: [
        {
          value: {
            buckets: { boundaries: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1], counts: [0, 0, 0, 0, 0, 0, 0] },
            sum: 0,
            count: 0,
          },
        },
      ],
    },
  );
});

t.test('invents neither readings of gauges nor labels', async t => {
  const filled = metricsOf(zeroFill(nothing)).map(({ descriptor }) => descriptor.name);
  t.notOk(filled.includes('disk_free_bytes'));
  t.notOk(filled.includes('rotations_overdue'));
  t.notOk(filled.includes('http.server.request.duration'));
});

t.test('leaves alone what was collected', async t => {
  const once = zeroFill(nothing);
  t.equal(zeroFill(once), once);
  t.same(nothing.scopeMetrics, [], 'its argument is not changed');
});

t.test('what it fills in is of the scope that its meter has', async t => {
  const scope = { name: meterName, version: '1.2.3' };
  const filled = zeroFill({ resource: emptyResource(), scopeMetrics: [{ scope, metrics: [] }] });
  for (const { scope: used } of filled.scopeMetrics) t.same(used, scope);
  t.equal(filled.scopeMetrics.length, 2);
});

t.test('with a preference for delta, what is filled in is delta, from one push to the next', async t => {
  const preferences = {
    delta: ['http_request_duration_seconds', 'http_requests_total'],
    lowmemory: ['http_request_duration_seconds'],
    cumulative: [],
  } as const;
  for (const [preference, deltas] of Object.entries(preferences)) {
    const temporalityOf = (instrument: InstrumentType) =>
      preference === 'delta' || (preference === 'lowmemory' && instrument === InstrumentType.HISTOGRAM)
        ? AggregationTemporality.DELTA
        : AggregationTemporality.CUMULATIVE;
    const fill = zeroFillPushes(temporalityOf);
    const [first, second] = [metricsOf(fill(nothing)), metricsOf(fill(nothing))];
    for (const name of ['http_request_duration_seconds', 'http_requests_total']) {
      const [before, after] = [first, second].map(pushed =>
        pushed.find(({ descriptor }) => descriptor.name === name),
      );
      const isDelta = (deltas as readonly string[]).includes(name);
      for (const metric of [before, after]) {
        t.equal(metric?.aggregationTemporality, isDelta ? 0 : 1, `${name}, ${preference}`);
      }
      const [point, next] = [before?.dataPoints[0], after?.dataPoints[0]];
      if (point === undefined || next === undefined) throw new Error(`nothing was filled in for ${name}`);
      if (isDelta) t.ok(hrTimeToMilliseconds(next.startTime) >= hrTimeToMilliseconds(point.endTime));
      else t.same(next.startTime, point.startTime, 'since the start');
    }
  }
});
