import process from 'node:process';
import { trace } from '@opentelemetry/api';
import t, { type Test } from 'tap';
import { catalogue } from '../../telemetry/catalogue.ts';
import { startSdk, startTelemetry } from '../../telemetry/sdk.ts';

/** The environment is the process's own: the SDK reads it there. */
function setEnvironment(t: Test, name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  t.teardown(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

function started(t: Test) {
  const telemetry = startTelemetry({
    serviceVersion: '9.8.7',
    process,
    otlpEndpoint: undefined,
    onError: error => t.fail(String(error)),
  });
  t.teardown(() => telemetry.shutdown());
  return telemetry;
}

async function scrape({ exposition }: ReturnType<typeof started>): Promise<string> {
  const { status, body } = await exposition.render({});
  t.equal(status, 200);
  return body.toString();
}

t.test('a scrape has the service, the process and the runtime', async t => {
  const telemetry = started(t);
  telemetry.metrics.secretCreated();
  const text = await scrape(telemetry);
  t.match(text, '\ntarget_info{service_name="jarvis-secretsd",service_version="9.8.7"} 1\n');
  t.match(text, '\nsecrets_created_total 1\n');
  t.match(text, `\nbuild_info{version="9.8.7",node_version="${process.version}"} 1\n`);
  const start = Number(/^process_start_time_seconds (.*)$/m.exec(text)?.[1]);
  t.ok(Math.abs(start + process.uptime() - Date.now() / 1000) < 2, 'start time is in Unix seconds');
  t.ok(Number(/^process_resident_memory_bytes (.*)$/m.exec(text)?.[1]) > 1e6);
  t.ok(Number(/^process_cpu_seconds_total (.*)$/m.exec(text)?.[1]) > 0);
  t.match(text, /^nodejs_eventloop_utilization [\d.]+$/m);
  t.notMatch(text, 'nodejs_eventloop_time', 'a dropped instrument stays out');
});

t.test('the SDK records nothing that the catalogue lacks', async t => {
  const { reader, stop } = startSdk('9.8.7');
  t.teardown(stop);
  const { resourceMetrics } = await reader.collect();
  const known = catalogue.map(({ instrument }) => instrument);
  const recorded = resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
    metrics.map(data => data.descriptor.name),
  );
  t.not(recorded.length, 0);
  t.same(
    recorded.filter(name => !known.includes(name)),
    [],
  );
});

t.test('no spans are recorded or sent while no exporter is configured', async t => {
  started(t);
  t.notOk(trace.getTracer('test').startSpan('span').isRecording());
});

t.test('the standard variables name the service', async t => {
  setEnvironment(t, 'OTEL_SERVICE_NAME', 'vault-of-team-a');
  t.match(await scrape(started(t)), 'target_info{service_name="vault-of-team-a",service_version="9.8.7"} 1');
});

t.test('with OTEL_SDK_DISABLED the verbs work and a scrape is answered 503', async t => {
  setEnvironment(t, 'OTEL_SDK_DISABLED', 'true');
  const { metrics, exposition } = started(t);
  t.doesNotThrow(() => metrics.requestObserved(0.1));
  t.doesNotThrow(() => metrics.observe({ secretsTotal: () => 1 }));
  t.equal((await exposition.render({})).status, 503);
});

t.test('it can be started again after a shutdown', async t => {
  const first = started(t);
  first.metrics.secretCreated();
  await first.shutdown();
  t.match(await scrape(started(t)), '\nsecrets_created_total 0\n');
});
