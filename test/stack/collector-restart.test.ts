import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { install, type RunningService, startService } from '../helpers/service.ts';
import { collectorAddresses, startCollector } from './collector.ts';
import { until } from './programs.ts';
import { startPrometheus } from './prometheus.ts';
import { campaignOnly, stackTimeout } from './tools.ts';

const clients = 8;
/** Milliseconds for which the collector is up, then down, then up again, while clients go on. */
const phase = 3000;

t.setTimeout(stackTimeout);

t.test('a collector killed and started again under load', { skip: campaignOnly }, async t => {
  const folder = t.testdir();
  const addresses = await collectorAddresses();
  const prometheus = await startPrometheus(join(folder, 'prometheus'), {});
  t.teardown(() => prometheus.program.stop());
  const settings = { folder, addresses, prometheus: prometheus.url };
  const first = await startCollector(settings);
  t.teardown(() => first.stop());
  const service = await startService(
    await install(join(folder, 'service'), {
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      JARVIS_SECRETSD_TELEMETRY_OTLP_ENDPOINT: `http://${addresses.otlp}`,
    }),
  );
  t.teardown(() => service.stop());
  t.equal((await service.request('PUT', '/secret/a', { value: 'value' })).status, 201);

  const load = startLoad(service);
  await setTimeout(phase);
  await first.stop('SIGKILL');
  await setTimeout(phase);
  const second = await startCollector(settings);
  t.teardown(() => second.stop());
  await setTimeout(phase);
  const { answered, failures } = await load.stop();

  t.same([...new Set(failures)], [], 'no client has noticed');
  t.ok(answered > 100, `${answered} reads`);
  // A push may have counted a request as received and its value not yet as handed out.
  const sums = ['http_requests_total', 'secrets_retrieved_total'].map(
    name => `sum(${name}{job="jarvis-secretsd"})`,
  );
  await until('every request and value is in Prometheus, once', async () => {
    const samples = await Promise.all(sums.map(prometheus.query));
    return samples[0]?.[0]?.value === answered + 1 && samples[1]?.[0]?.value === answered;
  });
  t.match(await (await service.request('GET', '/readyz')).json(), { status: 'ok' });
});

function startLoad(service: RunningService): {
  stop(): Promise<{ answered: number; failures: unknown[] }>;
} {
  let isOver = false;
  let answered = 0;
  const failures: unknown[] = [];
  const loops = Array.from({ length: clients }, async () => {
    while (!isOver) {
      try {
        const response = await service.request('GET', '/secret/a');
        await response.arrayBuffer();
        if (response.status === 200) answered++;
        else failures.push(response.status);
      } catch (error) {
        failures.push(error);
      }
    }
  });
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(loops);
      return { answered, failures };
    },
  };
}
