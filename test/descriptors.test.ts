/** Idle connections never take the descriptors of the API, however few the process may open. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { fitConnections } from '../src/descriptors.ts';
import { systemErrorCode } from '../src/errors.ts';
import { freePort } from '../tools/free-port.ts';
import { type Installation, install, parseSamples, runCommand, startService } from './helpers/service.ts';

const openFiles = 400;

function limited(installation: Installation, files = openFiles): Installation {
  return { ...installation, wrapper: ['sh', '-c', `ulimit -n ${files} && exec "$@"`, 'sh'] };
}

/** Connections that ask nothing; those that the service ends are let go. */
async function hold(count: number, target: { port: number } | { path: string }): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const socket = connect({ ...target, host: '127.0.0.1' });
    try {
      await once(socket, 'connect');
      sockets.push(socket.on('error', () => undefined));
    } catch (error) {
      // A unix socket takes no more until the service has accepted what waits.
      if (systemErrorCode(error) !== 'EAGAIN') throw error;
      await setTimeout(20);
    }
  }
  return sockets;
}

t.test('connections to the metrics listener leave the API alone, and scrapers get through', async t => {
  const port = await freePort();
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_TELEMETRY_PROMETHEUS_BIND_ADDR: `127.0.0.1:${port}`,
  });
  const service = await startService(limited(installation));
  const held = await hold(2 * openFiles, { port });
  t.equal((await service.request('PUT', '/secret/a', { value: 'v' })).status, 201);
  t.equal((await service.request('GET', '/secret/a')).status, 200);
  const scrape = await fetch(`http://127.0.0.1:${port}/metrics`);
  t.equal(scrape.status, 200);
  const samples = parseSamples(await scrape.text());
  const dropped = samples.get('scrape_connections_dropped_total{reason="evicted"}') ?? 0;
  t.ok(dropped >= 2 * openFiles - 32, `${dropped} made room`);
  t.equal(samples.get('connections_dropped_total{reason="evicted"}'), 0);

  const head = await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'HEAD' });
  t.equal(head.status, 200);
  t.ok(Number(head.headers.get('content-length')) > 1000);
  for (const [path, init, status, words] of [
    ['/', {}, 404, /serves \/metrics/],
    ['/metrics', { method: 'POST', body: 'x' }, 405, /GET/],
    ['/metrics', { headers: { 'if-none-match': '"1"' } }, 400, /if-none-match/],
  ] as const) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
    t.equal(answer.status, status);
    t.match(await answer.text(), words);
  }
  t.equal(await service.stop(), 0);
  for (const socket of held) socket.destroy();
});

t.test(
  'idle connections to the API make room under a low limit of open files, and the log goes on',
  async t => {
    const installation = await install(t.testdir(), { JARVIS_SECRETSD_AUDIT_SEGMENT_BYTES: '4096' });
    const service = await startService(limited(installation));
    t.match(service.output(), /"max_connections":272.*limits\.max_connections/, 'fewer fit than the default');
    const held = await hold(2 * openFiles, { port: installation.port });
    for (let count = 0; count < 20; count++) {
      t.equal((await service.request('PUT', '/secret/a', { value: 'v' })).ok, true);
    }
    t.equal((await service.request('GET', '/readyz')).status, 200);
    t.equal(await service.stop(), 0);
    for (const socket of held) socket.destroy();
  },
);

t.test('the same on a unix socket', async t => {
  const folder = t.testdir();
  const path = join(folder, 'api.sock');
  const port = await freePort();
  const installation = await install(folder, {
    JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${path}`,
    JARVIS_SECRETSD_TELEMETRY_PROMETHEUS_BIND_ADDR: `127.0.0.1:${port}`,
  });
  const service = await startService(limited(installation));
  const held = await hold(2 * openFiles, { path });
  let dropped = 0;
  // A connection to a unix socket stands before the service has accepted it.
  while (dropped < openFiles) {
    const scrape = await fetch(`http://127.0.0.1:${port}/metrics`);
    t.equal(scrape.status, 200);
    dropped = parseSamples(await scrape.text()).get('connections_dropped_total{reason="evicted"}') ?? 0;
  }
  const { code, output } = await runCommand(installation, ['health', '--config', installation.configFile]);
  t.equal(code, 0, output);
  t.equal(await service.stop(), 0);
  for (const socket of held) socket.destroy();
});

t.test('with too few files to work the start is refused, and says what to raise', async t => {
  const installation = await install(t.testdir());
  const { code, output } = await runCommand(limited(installation, 100), [
    '--config',
    installation.configFile,
  ]);
  t.equal(code, 2);
  t.match(output, /may open 100 files, and the service needs 144; raise the limit \(LimitNOFILE=/);
});

t.test('the caps fit the limit', async t => {
  t.same(fitConnections({ api: 1000, scrapes: 32 }, null), { api: 1000, scrapes: 32 });
  t.same(fitConnections({ api: 1000, scrapes: 32 }, 4096), { api: 1000, scrapes: 32 });
  t.same(fitConnections({ api: 1000, scrapes: 32 }, 1024), { api: 864, scrapes: 32 });
  t.same(fitConnections({ api: 1000, scrapes: 0 }, 144), { api: 16, scrapes: 0 });
  t.throws(() => fitConnections({ api: 1000, scrapes: 0 }, 143), { name: 'StartError' });
});
