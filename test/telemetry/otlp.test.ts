import { once } from 'node:events';
import { createServer } from 'node:http';
import t from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { pushTarget } from '../../telemetry/otlp.ts';
import { startTelemetry } from '../../telemetry/sdk.ts';

const contract = catalogue.filter(({ contract }) => contract).map(({ name }) => name);

t.test('the first push has all fifteen by their literal names', async t => {
  const collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      collector.emit('pushed', request.url, Buffer.concat(chunks).toString('latin1'));
    });
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  t.teardown(() => collector.close());
  const address = collector.address();
  const port = typeof address === 'object' ? address?.port : undefined;

  const pushed = once(collector, 'pushed');
  const telemetry = startTelemetry({
    serviceVersion: '0.0.0',
    process: { ...facts(), env: { OTEL_METRIC_EXPORT_INTERVAL: '50' } },
    otlpEndpoint: `http://127.0.0.1:${port}/`,
    onError: error => t.fail(String(error)),
  });
  const [path, body] = await pushed;
  await telemetry.shutdown();

  t.equal(path, '/v1/metrics');
  t.equal(contract.length, 15);
  // Protobuf holds strings as they are, each after its length: a longer name does not pass for a shorter one.
  for (const name of contract) t.ok(body.includes(String.fromCharCode(name.length) + name), name);
});

t.test('a collector that is not there does not hold up the end', async t => {
  // Shortens what goes on behind the test, not what is measured.
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '3500';
  t.teardown(() => delete process.env['OTEL_EXPORTER_OTLP_TIMEOUT']);
  const telemetry = startTelemetry({
    serviceVersion: '0.0.0',
    process: { ...facts(), env: {} },
    otlpEndpoint: 'http://127.0.0.1:1',
    onError: error => t.fail(String(error)),
  });
  const started = performance.now();
  await telemetry.shutdown();
  t.ok(performance.now() - started < 3000);
});

t.test('push is off unless asked for', async t => {
  t.equal(pushTarget(undefined, {}), undefined);
  t.same(pushTarget('http://c:4318', {}), { url: 'http://c:4318/v1/metrics', intervalMilliseconds: 60_000 });
  t.same(
    pushTarget(undefined, {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318',
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
    }),
    { url: undefined, intervalMilliseconds: 5000 },
    'the exporter reads its own variables',
  );
});

function facts() {
  const { version, memoryUsage, cpuUsage } = process;
  return { version, memoryUsage: () => memoryUsage(), cpuUsage: () => cpuUsage() };
}
