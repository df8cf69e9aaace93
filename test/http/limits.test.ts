import t from 'tap';
import { ask } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { runApp } from './running-app.ts';

/** One token an hour or so: no token comes back while a test runs. */
const slow = (burst: number) => ({ perSecond: 1 / 4000, burst });

const read = (client: string | null = 'admin') =>
  requestBytes('GET', '/secret/small', undefined, { 'x-jarvis-client': client });
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
  for (const client of ['a', 'b']) t.equal((await ask(app.url, read(client))).status, 200);
  t.equal((await ask(app.url, read('c'))).status, 429);
  t.same(app.counted, ['limited address']);
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

t.test('bad credentials take nothing from the good ones of their address', async t => {
  const app = await runApp(t, { address: slow(3) });
  const statuses = [];
  for (let count = 0; count < 3; count++) {
    for (let failures = 0; failures < 5; failures++) statuses.push((await ask(app.url, read(null))).status);
    t.equal((await ask(app.url, read())).status, 200);
  }
  t.same(statuses, [401, 401, 401, ...Array(12).fill(429)], 'they have a limit of the same size');
  t.equal(app.recorded.length, 3, 'no refusal was recorded past the limit');
  t.same(new Set(app.counted), new Set(['limited authentication']));
});

t.test('what costs more takes more: large values, rows, names and keys', async t => {
  const price = async (path: string, method = 'GET', body?: object) => {
    const app = await runApp(t, { client: slow(200) });
    const request = requestBytes(method, path, body && JSON.stringify(body));
    t.equal((await ask(app.url, request)).status, method === 'POST' && path === '/secret' ? 201 : 200, path);
    let left = 0;
    while ((await ask(app.url, read())).status === 200) left++;
    return 200 - left;
  };
  t.equal(await price('/secret/small'), 1);
  t.equal(await price('/secret/a'), 1 + 3, 'a value of 60,000 bytes');
  t.equal(await price('/secret', 'POST', { name: 'b', value: 'v'.repeat(65_536) }), 1 + 4);
  t.equal(await price('/secrets?limit=1000'), 1 + 5, 'the 250 rows that there were');
  t.equal(await price('/rotate', 'POST', { names: ['a', 'b', 'c'] }), 3);
  t.equal(await price('/rotate', 'POST', { names: ['a', 'b'], generator: 'rsa-2048' }), 2 + 40);
  t.equal(await price('/rotate', 'POST', { names: ['own'] }), 1 + 20, 'by a generator of its own');
});

t.test('a request that costs more than the burst is let in by a bucket that is half full', async t => {
  const app = await runApp(t, { client: { perSecond: 1 / 100, burst: 20 } });
  const large = requestBytes('POST', '/rotate', '{"names":["a","b"],"generator":"rsa-2048"}');
  t.equal((await ask(app.url, large)).status, 200);
  const { status, headers } = await ask(app.url, read());
  t.equal(status, 429, 'it left the bucket in debt');
  const wait = Number(headers.get('retry-after'));
  t.ok(wait > 2290 && wait <= 2300, `42 units of 20, and one more: ${wait} seconds at a hundred each`);
});

t.test(
  'a client that is past its limit, or in debt, takes nothing from the others of its address',
  async t => {
    const app = await runApp(t, { client: slow(50), address: slow(100) });
    const large = requestBytes('POST', '/rotate', '{"names":["a","b"],"generator":"rsa-2048"}');
    for (let count = 0; count < 2; count++) await ask(app.url, large);
    for (let count = 0; count < 200; count++) await ask(app.url, read());
    t.equal((await ask(app.url, read())).status, 429);
    for (let count = 0; count < 20; count++) t.equal((await ask(app.url, read('web'))).status, 200);
    t.same(new Set(app.counted), new Set(['limited client']));
  },
);

t.test('no limits: nothing is counted', async t => {
  const app = await runApp(t, {});
  for (let count = 0; count < 50; count++) await ask(app.url, read(count % 2 ? null : 'admin'));
  t.same(app.counted, []);
});
