import t from 'tap';
import { ask, RawConnection } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { runApp, until } from './running-app.ts';

const keepAlive = { connection: 'keep-alive' };
const read = requestBytes('GET', '/secret/a', undefined, keepAlive);
const halfHead = 'GET /secret/a HTTP/1.1\r\nHost: 127';
const halfBody = requestBytes('POST', '/secret', '{"name":').subarray(0, -1);
const probes = ['/healthz', '/readyz', '/metrics'].map(path => requestBytes('GET', path, undefined));

for (const [what, bytes] of [
  ['silent', ''],
  ['half a head', halfHead],
  ['half a body', halfBody],
] as const) {
  t.test(`who holds every connection with ${what} does not keep others out`, async t => {
    const app = await runApp(t, { maxConnections: 3 });
    const held = [];
    for (let count = 0; count < 3; count++) held.push(await RawConnection.open(app.url));
    for (const connection of held) connection.send(bytes);
    if (bytes === halfBody) await until(() => app.arrived() === 3);
    for (const probe of probes) t.equal((await ask(app.url, probe)).status, 200);
    await held[0]?.closed;
    t.same([...new Set(app.counted)], ['evicted']);
  });
}

t.test('makes room with the connection that was silent longest', async t => {
  const app = await runApp(t, { maxConnections: 3 });
  const [first, second, third] = [
    await RawConnection.open(app.url),
    await RawConnection.open(app.url),
    await RawConnection.open(app.url),
  ];
  first.send(read);
  t.equal((await first.answer()).status, 200);
  const fourth = await RawConnection.open(app.url);
  fourth.send(read);
  t.equal((await fourth.answer()).status, 200);
  await second.closed;
  for (const connection of [third, first]) {
    connection.send(read);
    t.equal((await connection.answer()).status, 200, 'the others go on');
  }
  t.same(app.counted, ['evicted']);
});

t.test('a connection for which the service is at work is not closed: the new one is', async t => {
  const app = await runApp(t, { maxConnections: 2 }, true);
  const busy = [await RawConnection.open(app.url), await RawConnection.open(app.url)];
  for (const connection of busy) connection.send(read);
  await until(() => app.reads() === 2);
  const refused = await RawConnection.open(app.url);
  refused.send(read);
  await refused.closed;
  t.equal(refused.rest, '');
  t.same(app.counted, ['refused']);
  app.release();
  for (const connection of busy) t.equal((await connection.answer()).status, 200);
  for (const probe of probes) t.equal((await ask(app.url, probe)).status, 200, 'idle again, they make room');
});

t.test('makes room with who has sent half a body for longer than others were silent', async t => {
  const app = await runApp(t, { maxConnections: 3 });
  const slow = await RawConnection.open(app.url);
  slow.send(halfBody);
  await until(() => app.arrived() === 1);
  const idle = await RawConnection.open(app.url);
  idle.send(read);
  await idle.answer();
  const fresh = await RawConnection.open(app.url);
  t.equal((await ask(app.url, read)).status, 200);
  await slow.closed;
  for (const connection of [idle, fresh]) {
    connection.send(read);
    t.equal((await connection.answer()).status, 200);
  }
});

t.test('who does not read the answers makes room, too', async t => {
  const app = await runApp(t, { maxConnections: 1 });
  const deaf = await RawConnection.open(app.url);
  deaf.socket.pause();
  // More than the kernel keeps for a client that does not read; then the service stops reading, too.
  for (let count = 0; count < 100; count++) deaf.send(Buffer.concat(Array(30).fill(read)));
  let before = -1;
  await until(async () => {
    const stuck = app.arrived() === before;
    before = app.arrived();
    await new Promise(resolve => void setTimeout(resolve, 100));
    return stuck;
  });
  t.ok(before < 3000, 'the service stopped reading');
  t.equal((await ask(app.url, requestBytes('GET', '/healthz', undefined))).status, 200);
  deaf.socket.resume();
  await deaf.closed;
});

t.test('a tunnel that was refused is closed, whether or not the client hangs up', async t => {
  const app = await runApp(t, {});
  const tunnel = await RawConnection.open(app.url);
  tunnel.socket.allowHalfOpen = true;
  tunnel.send('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  t.equal((await tunnel.answer()).status, 405);
  const typing = setInterval(() => tunnel.send('x'), 100);
  await tunnel.closed;
  clearInterval(typing);
});
