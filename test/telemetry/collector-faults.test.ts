/** A collector that is away, silent or refuses is no client's trouble. */
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { freePort } from '../../tools/free-port.ts';
import { install, type RunningService, startService } from '../helpers/service.ts';
import { startCollector } from './collector.ts';

const queue = 100;
const reads = 300;
/** How long a push to a silent collector lasts, in milliseconds: nobody who waits for one is overlooked. */
const longest = 30_000;
/** A queue so small that it overflows at once, and pushes so frequent that their fate shows soon. */
const hasty = {
  JARVIS_SECRETSD_TELEMETRY_OTLP_TRACE_RATIO: '1',
  OTEL_METRIC_EXPORT_INTERVAL: '250',
  OTEL_BSP_MAX_QUEUE_SIZE: String(queue),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '50',
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_BLRP_SCHEDULE_DELAY: '50',
};

/** @param timeout of a push, in milliseconds */
async function started(t: Test, port: number, timeout: number): Promise<RunningService> {
  const service = await startService(
    await install(t.testdir(), {
      ...hasty,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: String(timeout),
    }),
  );
  t.teardown(() => service.stop('SIGKILL'));
  t.equal((await service.request('POST', '/secret', { name: 'a', value: 'v' })).status, 201);
  return service;
}

/** Resolves when the sample is so; each look is a request of its own. */
async function untilSample(
  service: RunningService,
  name: string,
  holds: (value: number) => boolean,
): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const value = (await service.scrape()).get(name);
    if (value !== undefined && holds(value)) return;
    if (performance.now() > deadline) throw new Error(`${name} is ${value}`);
    await setTimeout(50);
  }
}

function linesAbout(service: RunningService, message: string): unknown[] {
  const lines = service.output().trimEnd().split('\n');
  return lines.filter(line => line.includes(message)).map(line => JSON.parse(line));
}

/** Many reads at once; all of them must be answered, and soon. */
async function readMuch(t: Test, service: RunningService): Promise<void> {
  let slowest = 0;
  for (let round = 0; round < 10; round++) {
    const began = performance.now();
    const answers = await Promise.all(
      Array.from({ length: reads / 10 }, () => service.request('GET', '/secret/a')),
    );
    slowest = Math.max(slowest, performance.now() - began);
    for (const answer of answers) if (answer.status !== 200) t.fail(`answered ${answer.status}`);
  }
  t.ok(slowest < longest / 2, `no answer waits for a push (slowest round ${slowest.toFixed()} ms)`);
}

async function stopsInTime(t: Test, service: RunningService): Promise<void> {
  t.equal(await service.stop(), 0, 'a clean end: one that takes too long has another code');
}

const failing = (signal: string) => `otlp_push_failing{signal="${signal}"}`;

t.test('a collector that goes away and comes back is said once each', async t => {
  const port = await freePort();
  // Shorter than the first pause before another try.
  const service = await started(t, port, 700);
  for (const signal of ['metrics', 'traces', 'logs']) {
    await untilSample(service, failing(signal), value => value === 1);
  }
  await readMuch(t, service);
  const [gone, ...more] = linesAbout(service, 'does not answer');
  t.match(gone, { level: 'warn', collector: `127.0.0.1:${port}`, reason: /ECONNREFUSED/ });
  t.same(more, [], 'three signals, many pushes, one line');

  const collector = await startCollector(port);
  t.teardown(() => collector.close());
  const back = 'the collector answers again';
  const record = await collector.until(
    () => collector.logs.find(({ body }) => body === back),
    'the good news',
  );
  t.match(record, { severity: 'INFO', attributes: { collector: `127.0.0.1:${port}` } });
  await untilSample(service, failing('metrics'), value => value === 0);
  await stopsInTime(t, service);
  const metrics = collector.pushes.findLast(({ signal }) => signal === 'metrics')?.metrics;
  t.match(
    metrics?.find(({ name }) => name === 'secrets_retrieved_total'),
    { value: reads },
    'what was counted meanwhile is not lost',
  );
});

t.test('a collector that takes nothing, and says so or not', async t => {
  const collector = await startCollector();
  t.teardown(() => collector.close());
  const service = await started(t, Number(new URL(collector.url).port), longest);
  const processor = 'otel_component_type="batching_span_processor"';
  const overflow = `otel_sdk_processor_span_processed{${processor},error_type="queue_full"}`;
  for (const manner of ['refuse', 'silent'] as const) {
    collector.manner = manner;
    const before = (await service.scrape()).get(overflow) ?? 0;
    await readMuch(t, service);
    if (manner === 'silent') await untilSample(service, overflow, dropped => dropped > before);
    const samples = await service.scrape();
    const waiting = samples.get(`otel_sdk_processor_span_queue_size{${processor}}`) ?? queue + 1;
    t.ok(waiting <= queue, `bounded: ${waiting}`);
    t.equal(samples.get('http_requests_error'), 0);
    if (manner === 'refuse') {
      for (const signal of ['metrics', 'traces', 'logs']) {
        await untilSample(service, failing(signal), value => value === 1);
      }
    }
    t.equal((await service.request('GET', '/readyz')).status, 200, 'readiness does not ask');
  }
  await stopsInTime(t, service);
  t.ok(collector.asked > 0);
  t.equal(linesAbout(service, 'refuses what is pushed').length, 3, 'a refusal is said once for each signal');
});
