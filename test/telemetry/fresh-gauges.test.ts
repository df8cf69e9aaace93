import process from 'node:process';
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider } from '@opentelemetry/sdk-metrics';
import t, { type Test } from 'tap';
import { PushReader } from '../../telemetry/fresh-gauges.ts';
import { startTelemetry } from '../../telemetry/sdk.ts';

/** Sets the wall clock of this process. */
function stepClock(t: Test, milliseconds: number): void {
  const { now } = Date;
  Date.now = () => now() + milliseconds;
  t.teardown(() => {
    Date.now = now;
  });
}

t.test('gauges go on when the clock is set back by an hour', async t => {
  const telemetry = await startTelemetry({
    serviceVersion: '0',
    process,
    otlp: { trace_ratio: 0 },
    log: { warn: () => undefined, info: () => undefined },
    onError: error => t.fail(String(error)),
  });
  t.teardown(() => telemetry.shutdown());
  let latched = false;
  let bytes = 100;
  telemetry.metrics.observe({
    auditLatched: () => latched,
    secretsTotal: () => bytes,
    diskFree: () => [{ path_kind: 'vault', bytes }],
    lastExitReason: () => 'clean',
  });
  const scrape = async () => (await telemetry.exposition.render({})).body.toString();
  t.match(await scrape(), /^audit_latched 0$/m);
  await scrape();

  stepClock(t, -3_600_000);
  latched = true;
  bytes = 50;
  for (const which of ['first', 'second', 'third']) {
    const text = await scrape();
    t.match(text, /^audit_latched 1$/m, `the ${which} scrape after the step`);
    t.match(text, new RegExp(`^secrets_total ${bytes}$`, 'm'));
    t.match(text, new RegExp(`^disk_free_bytes{path_kind="vault"} ${bytes}$`, 'm'));
    t.match(text, /^last_exit_reason{reason="clean"} 1$/m);
    t.match(text, /^process_resident_memory_bytes [1-9]/m);
    bytes += 1;
  }
  t.match(await scrape(), /^secrets_created_total 0$/m, 'and counters stay counters');
});

t.test('so do gauges that are pushed, from the second push on', async t => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PushReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  t.teardown(() => provider.shutdown());
  let value = 1;
  const meter = provider.getMeter('test');
  meter.createObservableGauge('g').addCallback(result => result.observe(value));
  const counter = meter.createCounter('c');
  const push = async (name: string) => {
    exporter.reset();
    await provider.forceFlush();
    const [metrics] = exporter.getMetrics();
    return metrics?.scopeMetrics[0]?.metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints[0]
      ?.value;
  };
  counter.add(1);
  t.equal(await push('g'), 1);
  stepClock(t, -3_600_000);
  value = 2;
  counter.add(1);
  await push('g');
  value = 3;
  t.equal(await push('g'), 3);
  t.equal(await push('c'), 2, 'counters are cumulative as before');
});
