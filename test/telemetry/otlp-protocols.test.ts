/** The same telemetry over the other two protocols, each through a running service. */
import t from 'tap';
import { install, startService } from '../helpers/service.ts';
import { startCollector, startGrpcCollector } from './collector.ts';

const prompt = {
  OTEL_METRIC_EXPORT_INTERVAL: '200',
  OTEL_BSP_SCHEDULE_DELAY: '20',
  OTEL_TRACES_SAMPLER: 'always_on',
};

t.test('http/json', async t => {
  const collector = await startCollector();
  const service = await startService(
    await install(t.testdir(), {
      ...prompt,
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/behind/a/path`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    }),
  );
  t.teardown(async () => {
    await service.stop();
    collector.close();
  });
  await service.request('GET', '/secret/absent');
  const isServer = ({ kind }: { kind: number }) => kind === 2;
  const traces = await collector.until(
    () => collector.pushes.find(({ spans }) => spans.some(isServer)),
    'a server span',
  );
  t.equal(traces.path, '/behind/a/path/v1/traces');
  t.equal(traces.headers['content-type'], 'application/json');
  t.match(traces.spans.find(isServer), {
    name: 'GET /secret/*',
    traceId: /^[0-9a-f]{32}$/,
    attributes: { 'http.response.status_code': 404 },
  });
  const { metrics } = await collector.until(
    () => collector.pushes.find(({ signal }) => signal === 'metrics'),
    'of metrics',
  );
  t.match(
    metrics.find(({ name }) => name === 'secrets_total'),
    { value: 0 },
  );
  t.ok(await collector.until(() => collector.logs.find(({ body }) => body === 'ready'), 'the ready line'));
});

t.test('traces by grpc, metrics elsewhere by http, no logs', async t => {
  const [grpc, http] = [await startGrpcCollector(), await startCollector()];
  const service = await startService(
    await install(t.testdir(), {
      ...prompt,
      JARVIS_SECRETSD_TELEMETRY_OTLP_ENDPOINT: grpc.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=a',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${http.url}/own`,
      OTEL_LOGS_EXPORTER: 'none',
    }),
  );
  t.teardown(async () => {
    await service.stop();
    grpc.close();
    http.close();
  });
  await service.request('GET', '/secret/absent');
  const traces = await grpc.until(
    () => grpc.pushes.find(({ spans }) => spans.some(({ kind }) => kind === 2)),
    'a server span',
  );
  t.equal(traces.path, '/opentelemetry.proto.collector.trace.v1.TraceService/Export');
  t.match(traces.headers, { 'x-tenant': 'a' });
  const metrics = await http.until(() => http.pushes[0], 'of metrics');
  t.equal(metrics.path, '/own', 'the address of a signal is taken as it is');
  t.ok(metrics.metrics.some(({ name }) => name === 'http_requests_total'));
  const signals = [...grpc.pushes, ...http.pushes].map(({ signal }) => signal);
  t.same([...new Set(signals)].toSorted(), ['metrics', 'traces']);
});
