import { Socket } from 'node:net';
import { setImmediate, setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { OverloadGuard } from '../../src/http/overload.ts';
import { RequestsUnderWay } from '../../src/http/under-way.ts';
import { ask, RawConnection } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { type RunningApp, runApp, until } from './running-app.ts';

const keepAlive = { connection: 'keep-alive' };
const read = requestBytes('GET', '/secret/a', undefined, keepAlive);
const nobody = requestBytes('GET', '/secret/a', undefined, { 'x-jarvis-client': null });

async function sheds(t: Test, app: RunningApp): Promise<void> {
  const asked = app.reads();
  for (const request of [read, nobody]) {
    const { status, headers, body } = await ask(app.url, request);
    t.equal(status, 503);
    t.equal(JSON.parse(body).error, 'overloaded');
    t.equal(headers.get('retry-after'), '1');
  }
  t.equal(app.reads(), asked, 'the vault was not asked');
  t.same(app.recorded, [], 'no refusal was recorded');
  for (const path of ['/healthz', '/readyz', '/metrics'])
    t.equal((await ask(app.url, requestBytes('GET', path, undefined))).status, 200, path);
}

t.test('past so many requests under way the rest is refused, and probes are served', async t => {
  const app = await runApp(t, { maxRequests: 2 }, true);
  const waiting = [ask(app.url, read), ask(app.url, read)];
  await until(() => app.reads() === 2);
  await sheds(t, app);
  t.same(app.counted, ['shed', 'shed']);
  app.release();
  for (const answer of await Promise.all(waiting)) t.equal(answer.status, 200);
  t.equal((await ask(app.url, read)).status, 200, 'there is room again');
});

t.test('a client that hangs up gives its places back, those in a pipeline too', async t => {
  const app = await runApp(t, { maxRequests: 3 }, true);
  const pipeline = await RawConnection.open(app.url);
  pipeline.send(Buffer.concat([read, read, read]));
  await until(() => app.reads() === 3);
  await sheds(t, app);
  pipeline.destroy();
  await until(async () => (await ask(app.url, nobody)).status === 401);
  const next = [1, 2, 3].map(() => ask(app.url, read));
  await until(() => app.reads() === 6);
  app.release();
  for (const { status } of await Promise.all(next)) t.equal(status, 200);
});

t.test('a request whose body is on its way holds no place', async t => {
  const app = await runApp(t, { maxRequests: 1 });
  const slow = await RawConnection.open(app.url);
  slow.send(
    requestBytes('POST', '/secret', undefined, {
      'content-type': 'application/json',
      'content-length': '100',
    }),
  );
  await until(() => app.arrived() === 1);
  t.equal((await ask(app.url, read)).status, 200);
  slow.destroy();
});

t.test('one connection takes no more than its share by pipelining', async t => {
  const app = await runApp(t, { maxRequests: 1000 }, true);
  const pipeline = await RawConnection.open(app.url);
  pipeline.send(Buffer.concat(Array(5000).fill(read)));
  await until(() => app.reads() === 32);
  t.equal((await ask(app.url, requestBytes('GET', '/healthz', undefined))).status, 200);
  app.release();
  t.equal((await ask(app.url, read)).status, 200);
  const statuses = [];
  for (let count = 0; count < 5000; count++) statuses.push((await pipeline.answer()).status);
  t.equal(statuses.length, 5000, 'each has its answer');
  t.same([...new Set(statuses)].toSorted(), [200, 503]);
  t.same(statuses.slice(0, 33), [...Array(32).fill(200), 503], 'in order');
  pipeline.destroy();
});

/** Nothing runs meanwhile: what was sent waits in the kernel. */
function stall(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
}

t.test('one stall of the event loop refuses nobody', async t => {
  const app = await runApp(t, {});
  const connection = await RawConnection.open(app.url);
  connection.send(read);
  stall();
  t.equal((await connection.answer()).status, 200);
  connection.destroy();
});

t.test('while the event loop runs late requests are refused, and probes are served', async t => {
  const app = await runApp(t, {});
  const [vault, stranger, probe] = await Promise.all([1, 2, 3].map(() => RawConnection.open(app.url)));
  stall();
  // Past the look at the delay that was due meanwhile, to where the next look comes before what is read.
  await setTimeout(1);
  await setImmediate();
  vault?.send(read);
  stranger?.send(nobody);
  probe?.send(requestBytes('GET', '/healthz', undefined, keepAlive));
  stall();
  t.equal((await vault?.answer())?.status, 503);
  t.equal((await stranger?.answer())?.status, 503);
  t.equal((await probe?.answer())?.status, 200);
  t.same([app.reads(), app.recorded], [0, []]);
  await until(async () => (await ask(app.url, read)).status === 200);
  t.ok(app.counted.length >= 2);
});

t.test('what the start took is no overload', async t => {
  const guard = new OverloadGuard({ requestShed: () => t.fail('shed') }, new RequestsUnderWay(), 1);
  t.teardown(() => guard.stop());
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
  guard.watch();
  await setTimeout(150);
  t.doesNotThrow(() => guard.check(new Socket()));
});
