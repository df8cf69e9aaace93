/** What the SDK says of itself reaches the log of the service: bounded, without credentials, and without echoes of failed pushes. */
import { diag } from '@opentelemetry/api';
import { globalErrorHandler } from '@opentelemetry/core';
import t, { type Test } from 'tap';
import { PushHealth } from '../../telemetry/push-health.ts';
import { SdkLog } from '../../telemetry/sdk-log.ts';
import { install, startService, waitFor } from '../helpers/service.ts';
import { complaint, startCollector, startGrpcCollector } from './collector.ts';

interface Line {
  readonly reason?: string;
  readonly level_of_sdk?: string;
}

function logged(t: Test, environment: Record<string, string> = {}) {
  const lines: Line[] = [];
  const log = {
    warn: (facts: Line) => void lines.push(facts),
    info: (facts: Line) => void lines.push(facts),
  };
  const health = new PushHealth(log);
  const sdkLog = new SdkLog(log, health, environment);
  sdkLog.install();
  t.teardown(() => diag.disable());
  return { lines, health, sdkLog };
}

t.test('warnings are logged, what is less severe only where it is asked for', async t => {
  const { lines } = logged(t);
  diag.warn('Dropped 5 spans because', 'maxQueueSize reached');
  diag.info('a detail');
  t.same(lines, [{ level_of_sdk: 'warn', reason: 'Dropped 5 spans because maxQueueSize reached' }]);
  const verbose = logged(t, { OTEL_LOG_LEVEL: 'DEBUG' });
  diag.debug('a detail');
  t.match(verbose.lines.at(-1), { level_of_sdk: 'debug', reason: 'a detail' });
  const none = logged(t, { OTEL_LOG_LEVEL: 'none' });
  diag.error('everything');
  t.same(none.lines, []);
});

t.test('no credential of a collector is in a line', async t => {
  const { lines } = logged(t, {
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20hunter2,x-key=swordfish',
    OTEL_EXPORTER_OTLP_LOGS_HEADERS: 'x-key=opensesame',
  });
  diag.error('it sent Bearer hunter2 and', 'Bearer%20hunter2', new Error('swordfish'), 'opensesame');
  t.match(lines[0]?.reason, /\[redacted\]/);
  t.notMatch(lines[0]?.reason, /hunter2|swordfish|opensesame/);
});

t.test('lines are few and short, whatever the SDK says', async t => {
  const { lines } = logged(t);
  for (let count = 0; count < 1000; count++) diag.warn('x'.repeat(10_000), { an: 'object' });
  t.equal(lines.length, 10);
  for (const { reason = '' } of lines) t.ok(reason.length <= 300);
});

t.test('a failed push is told by PushHealth, and not again', async t => {
  const { lines, health } = logged(t);
  const error = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  const watch = health.watch('traces', { protocol: 'http/protobuf', url: 'http://c:4318/v1/traces' });
  watch({ code: 1, error }, performance.now());
  const before = lines.length;
  globalErrorHandler(error);
  globalErrorHandler(
    new Error('PeriodicExportingMetricReader: metrics export failed (error Error: refused)'),
  );
  t.equal(lines.length, before);
  globalErrorHandler(new Error('something else'));
  t.match(lines.at(-1), { level_of_sdk: 'error', reason: 'something else' });
});

for (const protocol of ['http/protobuf', 'http/json', 'grpc'] as const) {
  t.test(`what a collector leaves out of a push is counted and logged: ${protocol}`, async t => {
    const collector = protocol === 'grpc' ? await startGrpcCollector() : await startCollector();
    collector.manner = 'partial';
    const service = await startService(
      await install(t.testdir(), {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_METRIC_EXPORT_INTERVAL: '200',
        OTEL_BSP_SCHEDULE_DELAY: '20',
        OTEL_BLRP_SCHEDULE_DELAY: '20',
        OTEL_TRACES_SAMPLER: 'always_on',
        // NodeSDK would set a logger of its own for it, which prints to the console.
        OTEL_LOG_LEVEL: 'warn',
        OTEL_EXPORTER_ZIPKIN_ENDPOINT: 'http://z',
      }),
    );
    await service.request('GET', '/secret/absent');
    const rejected = async (signal: string) =>
      (await service.scrape()).get(`otlp_rejected_items_total{signal="${signal}"}`) ?? 0;
    for (const signal of ['metrics', 'traces', 'logs']) {
      let count = 0;
      while (count < 3) count = await rejected(signal);
      t.equal(count % 3, 0, `${signal}: ${count}`);
    }
    await waitFor(() => service.output().includes(complaint));
    const lines = service.output().trimEnd().split('\n');
    for (const line of lines) JSON.parse(line);
    t.match(
      lines.map(line => JSON.parse(line)).find(({ variables }) => variables !== undefined),
      { variables: ['OTEL_EXPORTER_ZIPKIN_ENDPOINT'], level: 'warn' },
    );
    await service.stop();
    collector.close();
  });
}
