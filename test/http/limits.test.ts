import t from 'tap';
import { ask } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { runApp } from './running-app.ts';

/** One token an hour or so: no token comes back while a test runs. */
const slow = (burst: number) => ({ perSecond: 1 / 4000, burst });

const read = (client: string | null = 'admin') =>
  requestBytes('GET', '/secret/a', undefined, { 'x-jarvis-client': client });
const probes = ['/healthz', '/readyz', '/metrics'].map(path => requestBytes('GET', path, undefined));

t.test('a client that asks too often is told when to come back, before anything is done', async t => {
  const app = await runApp(t, { client: slow(2) });
  for (let count = 0; count < 2; count++) t.equal((await ask(app.url, read())).status, 200);
  const { status, headers, body } = await ask(app.url, read());
  t.equal(status, 429);
  t.match(JSON.parse(body), { error: 'too_many_requests', message: /Retry-After/ });
  t.match(headers.get('retry-after'), /^\d+$/);
  const wait = Number(headers.get('retry-after'));
  t.ok(wait > 3900 && wait <= 4000, 'in seconds');
  t.equal(app.reads(), 2, 'the vault was not asked');
  t.same(app.recorded, [], 'nothing was recorded');
  t.same(app.counted, ['limited client']);

  t.equal((await ask(app.url, read('web'))).status, 200, 'another client goes on');
  for (const probe of probes) t.equal((await ask(app.url, probe)).status, 200, 'probes go on');
});

t.test('an address has a limit of its own, whatever clients it names', async t => {
  const app = await runApp(t, { address: slow(2) });
  t.equal((await ask(app.url, read('a'))).status, 200);
  t.equal((await ask(app.url, read(null))).status, 401, 'who fails counts, too');
  t.equal((await ask(app.url, read('b'))).status, 429);
  t.equal((await ask(app.url, read(null))).status, 429);
  t.equal(app.recorded.length, 1, 'no refusal was recorded past the limit');
  t.same(app.counted, ['limited address', 'limited address']);
  t.equal((await ask(app.url, read('b'), '127.0.0.2')).status, 200, 'another address goes on');
  for (const probe of probes) t.equal((await ask(app.url, probe)).status, 200, 'probes go on');
});

t.test('bad credentials are held up, and lock out nobody', async t => {
  const app = await runApp(t, { failedAuthentication: slow(3) });
  const bad = [read(null), read('no name'), requestBytes('GET', '/secret/a', undefined, { via: '1.1 x' })];
  for (const request of bad) t.equal((await ask(app.url, request)).status, 401);
  for (const request of bad) {
    const { status, headers } = await ask(app.url, request);
    t.equal(status, 429);
    t.match(headers.get('retry-after'), /^\d+$/);
  }
  t.equal(app.recorded.length, 3, 'no refusal was recorded past the limit');
  t.same(app.counted, Array(3).fill('limited authentication'));
  t.equal((await ask(app.url, read())).status, 200, 'a good credential passes from the same address');
  t.equal((await ask(app.url, read(null), '127.0.0.2')).status, 401, 'another address fails as before');
});

t.test('no limits: nothing is counted', async t => {
  const app = await runApp(t, {});
  for (let count = 0; count < 50; count++) await ask(app.url, read(count % 2 ? null : 'admin'));
  t.same(app.counted, []);
});
