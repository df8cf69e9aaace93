import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { freePort } from '../../tools/free-port.ts';
import { ServiceChain } from '../helpers/chain.ts';
import { askedService, install } from '../helpers/service.ts';

const linux = { skip: !existsSync('/proc/self/fdinfo') && 'needs /proc' };

t.test('SIGUSR2 hands the service over, again and again', async t => {
  const scrapes = await freePort();
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_TELEMETRY_PROMETHEUS_BIND_ADDR: `127.0.0.1:${scrapes}`,
  });
  const chain = await ServiceChain.start(installation);
  t.teardown(() => chain.stop());
  const service = askedService(installation);
  const scrape = async () => await (await fetch(`http://127.0.0.1:${scrapes}/metrics`)).text();
  t.equal((await service.request('POST', '/secret', { name: 'app/a', value: '0' })).status, 201);
  for (const round of ['1', '2']) {
    const first = chain.pid;
    await chain.handOver();
    t.not(chain.pid, first, 'another process');
    const answer = await service.request('GET', '/secret/app/a');
    t.match(await answer.json(), { value: String(Number(round) - 1) });
    t.equal((await service.request('PUT', '/secret/app/a', { value: round })).status, 200);
    const metrics = await scrape();
    t.match(metrics, /^secrets_total 1$/m, 'gauges are right at once');
    t.match(metrics, /^secrets_created_total 0$/m, 'counters restart');
    t.match(metrics, /^last_exit_reason\{reason="clean"\} 1$/m);
    t.match(metrics, /^handovers_failed_total 0$/m);
  }
  t.same(
    chain.ready.map(line => line.writer_epoch),
    [1, 2, 3],
    'each process has an epoch of its own',
  );
  await t.test('a successor keeps neither descriptors nor variables for its children', linux, async t => {
    const flags = (descriptor: number) =>
      Number.parseInt(
        /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/${chain.pid}/fdinfo/${descriptor}`, 'utf8'))?.[1] ?? '',
        8,
      );
    for (const descriptor of [3, 4]) t.ok(flags(descriptor) & 0o2000000, `${descriptor} is close-on-exec`);
  });
  await chain.stop();
  const { code, output } = await chain.verify();
  t.equal(code, 0, output);
  t.equal(chain.lines('handed over: the successor serves').length, 2);
});

t.test('a unix socket stays through handovers, and is removed by the last process', async t => {
  // The path of a socket has room for about a hundred characters.
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'api.sock');
  const installation = await install(folder, {
    JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${socketPath}`,
  });
  const chain = await ServiceChain.start(installation);
  const status = async () => {
    const [answer] = await once(httpRequest({ socketPath, path: '/healthz' }).end(), 'response');
    await text(answer);
    return answer.statusCode;
  };
  t.equal(await status(), 200);
  for (let round = 0; round < 2; round++) {
    await chain.handOver();
    t.equal(await status(), 200);
  }
  await chain.stop();
  t.notOk(existsSync(socketPath));
});
