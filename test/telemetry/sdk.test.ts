import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import t, { type Test } from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { startSdk, startTelemetry, type Telemetry } from '../../telemetry/sdk.ts';
import { noTracing } from '../../telemetry/tracing.ts';
import { startCollector } from './collector.ts';

/** The environment is the process's own: the SDK reads it there. */
function setEnvironment(t: Test, name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  t.teardown(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

const silent = { warn: () => undefined, info: () => undefined };
const options = { serviceVersion: '9.8.7', process, otlp: { trace_ratio: 1 }, log: silent };

async function started(t: Test) {
  const telemetry = await startTelemetry({ ...options, onError: error => t.fail(String(error)) });
  t.teardown(() => telemetry.shutdown());
  return telemetry;
}

async function scrape({ exposition }: Telemetry): Promise<string> {
  const { status, body } = await exposition.render({});
  t.equal(status, 200);
  return body.toString();
}

t.test('a scrape has the service, the process and the runtime', async t => {
  const telemetry = await started(t);
  telemetry.metrics.secretCreated();
  const text = await scrape(telemetry);
  t.match(text, '\ntarget_info{service_name="jarvis-secretsd",service_version="9.8.7"} 1\n');
  t.match(text, '\nsecrets_created_total 1\n');
  t.match(text, `\nbuild_info{version="9.8.7",node_version="${process.version}"} 1\n`);
  const start = Number(/^process_start_time_seconds (.*)$/m.exec(text)?.[1]);
  t.ok(Math.abs(start + process.uptime() - Date.now() / 1000) < 600, 'start time is in Unix seconds');
  t.ok(Number(/^process_resident_memory_bytes (.*)$/m.exec(text)?.[1]) > 1e6);
  t.ok(Number(/^process_cpu_seconds_total (.*)$/m.exec(text)?.[1]) > 0);
  t.match(text, /^nodejs_eventloop_utilization [\d.]+$/m);
  t.notMatch(text, 'nodejs_eventloop_time', 'a dropped instrument stays out');
});

/** Every instrument that recorded something and is not in the catalogue. */
async function strangers(sdk: Awaited<ReturnType<typeof startSdk>>): Promise<string[]> {
  const collected = await sdk.reader?.collect();
  const known = catalogue.map(({ instrument }) => instrument);
  const recorded = (collected?.resourceMetrics.scopeMetrics ?? []).flatMap(({ metrics }) =>
    metrics.map(data => data.descriptor.name),
  );
  if (recorded.length === 0) throw new Error('nothing was collected');
  return recorded.filter(name => !known.includes(name));
}

t.test('the SDK records nothing that the catalogue lacks', async t => {
  const sdk = await startSdk(options);
  t.teardown(sdk.stop);
  t.same(await strangers(sdk), []);
});

t.test('nor does it while it pushes', async t => {
  const collector = await startCollector();
  const env = { OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_BLRP_SCHEDULE_DELAY: '1' };
  const otlp = { endpoint: collector.url, trace_ratio: 1 };
  const sdk = await startSdk({ ...options, otlp, process: { ...facts(), env } });
  t.teardown(async () => {
    await sdk.stop();
    collector.close();
  });
  await sdk.tracing.background('rotation.round', async span => span.step('audit.append', () => undefined));
  sdk.bridgeLog?.('{"level":"info","msg":"a line"}');
  await collector.until(() => collector.spans[0], 'a span');
  await collector.until(() => collector.logs[0], 'a log record');
  t.same(await strangers(sdk), []);
});

t.test('a collector that is not there does not hold up the end', async t => {
  // Shortens what goes on behind the test, not what is measured.
  setEnvironment(t, 'OTEL_EXPORTER_OTLP_TIMEOUT', '3500');
  const otlp = { endpoint: 'http://127.0.0.1:1', trace_ratio: 1 };
  const sdk = await startSdk({ ...options, otlp, process: { ...facts(), env: {} } });
  await sdk.tracing.background('rotation.round', async () => undefined);
  // Both wait on timers of this process, whose order does not depend on how busy the machine is.
  const first = await Promise.race([
    sdk.stop().then(() => 'the end'),
    setTimeout(3400, 'the push', { ref: false }),
  ]);
  t.equal(first, 'the end');
});

function facts() {
  const { version, memoryUsage, cpuUsage } = process;
  return { version, memoryUsage: () => memoryUsage(), cpuUsage: () => cpuUsage() };
}

t.test('no spans are recorded or sent while no exporter is configured', async t => {
  const { tracing, bridgeLog } = await started(t);
  t.equal(tracing, noTracing);
  t.equal(bridgeLog, null);
  t.notOk(trace.getTracer('test').startSpan('span').isRecording());
});

t.test('the standard variables name the service', async t => {
  setEnvironment(t, 'OTEL_SERVICE_NAME', 'vault-of-team-a');
  t.match(
    await scrape(await started(t)),
    'target_info{service_name="vault-of-team-a",service_version="9.8.7"} 1',
  );
});

t.test('with OTEL_SDK_DISABLED the verbs work and a scrape is answered 503', async t => {
  setEnvironment(t, 'OTEL_SDK_DISABLED', 'true');
  const { metrics, exposition } = await started(t);
  t.doesNotThrow(() => metrics.requestObserved(0.1));
  t.doesNotThrow(() => metrics.observe({ secretsTotal: () => 1 }));
  t.equal((await exposition.render({})).status, 503);
});

t.test('it can be started again after a shutdown', async t => {
  const first = await started(t);
  first.metrics.secretCreated();
  await first.shutdown();
  t.match(await scrape(await started(t)), '\nsecrets_created_total 0\n');
});
