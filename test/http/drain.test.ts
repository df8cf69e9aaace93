import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { Drain } from '../../src/http/drain.ts';
import { createAuthority, loopback } from '../helpers/certificates.ts';
import { RawConnection } from '../helpers/raw-connection.ts';
import { until } from './running-app.ts';

const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const generousMs = 60_000;

interface Draining {
  readonly server: Server;
  readonly drain: Drain;
  readonly url: string;
  readonly port: number;
  /** Answers that wait until they are ended. */
  readonly held: (() => void)[];
}

/** A server that answers `/` at once and everything else when it is told to. */
async function serve(t: Test, server: Server = createServer()): Promise<Draining> {
  const held: (() => void)[] = [];
  server.on('request', ({ url }, answer) => {
    const end = () => answer.setHeader('content-length', 2).end('ok');
    if (url === '/') end();
    else held.push(end);
  });
  const drain = new Drain(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { server, drain, url: `http://127.0.0.1:${port}`, port, held };
}

t.test('a connection that has served a request is closed once it has been quiet', async t => {
  const { drain, url } = await serve(t);
  const connection = await RawConnection.open(url);
  connection.send(request);
  t.equal((await connection.answer()).headers.get('connection'), 'keep-alive');
  await drain.close(generousMs);
  await connection.closed;
  t.equal(connection.rest, '');
});

t.test(
  'a request that comes while a quiet connection waits for its end is served, and is its last',
  async t => {
    const { server, drain, url } = await serve(t);
    const connection = await RawConnection.open(url);
    connection.send(request);
    await connection.answer();
    const closed = drain.close(generousMs);
    while (server.listening) await new Promise(resolve => setTimeout(resolve, 5));
    connection.send(request);
    const answer = await connection.answer();
    t.match([answer.status, answer.headers.get('connection')], [200, 'close']);
    await closed;
  },
);

t.test('a request that the kernel has while the event loop is held up is served', async t => {
  const { drain, url } = await serve(t);
  const connection = await RawConnection.open(url);
  connection.send(request);
  await connection.answer();
  const closed = drain.close(generousMs);
  connection.send(request);
  // Long past the time after which a quiet connection is closed.
  holdUp(700);
  t.equal((await connection.answer()).status, 200);
  await closed;
});

t.test('an answer that is owed is waited for, and says that it is the last', async t => {
  const { drain, url, held } = await serve(t);
  const connection = await RawConnection.open(url);
  connection.send(request.replace('/', '/slow'));
  await until(() => held.length === 1);
  const idle = await RawConnection.open(url);
  const closed = drain.close(generousMs);
  await idle.closed;
  held[0]?.();
  const answer = await connection.answer();
  t.match([answer.status, answer.headers.get('connection')], [200, 'close']);
  await closed;
});

const unfinished: Record<string, string> = {
  'half a head': 'GET / HTTP/1.1\r\nHo',
  'half a head after a request': `${request}GET / HTTP/1.1\r\nHo`,
  'half a body': 'POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{',
};
for (const [what, bytes] of Object.entries(unfinished)) {
  t.test(`${what} is waited for until the deadline, and no longer`, async t => {
    const { drain, url } = await serve(t);
    const connection = await RawConnection.open(url);
    if (bytes.startsWith(request)) {
      connection.send(request);
      await connection.answer();
      connection.send(bytes.slice(request.length));
    } else {
      connection.send(bytes);
    }
    let isClosed = false;
    void connection.closed.then(() => {
      isClosed = true;
    });
    const other = await RawConnection.open(url);
    other.send(request);
    await other.answer();
    const closed = drain.close(2000);
    await other.closed;
    t.notOk(isClosed, 'an idle connection ends before it');
    await closed;
    await connection.closed;
  });
}

t.test('a client that has said everything, and closed its half, gets its answer', async t => {
  // Node then leaves it to the server to close its half.
  const server = Object.assign(createServer(), { httpAllowHalfOpen: true });
  const { drain, port, held } = await serve(t, server);
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(request.replace('/', '/slow'));
  await until(() => held.length === 1);
  const closed = drain.close(generousMs);
  held[0]?.();
  t.match(await text(socket), /^HTTP\/1\.1 200 /);
  await closed;
});

t.test('while a server winds down, every client is answered, once on each connection', async t => {
  const { drain, url, held } = await serve(t);
  const [busy, idle] = [await RawConnection.open(url), await RawConnection.open(url)];
  busy.send(request.replace('/', '/slow'));
  idle.send(request);
  t.equal((await idle.answer()).status, 200);
  await until(() => held.length === 1);
  const down = drain.windDown(generousMs);
  await idle.closed;
  const late = await RawConnection.open(url);
  late.send(request);
  t.equal((await late.answer()).headers.get('connection'), 'close', 'a new connection is served');
  held[0]?.();
  t.equal((await busy.answer()).headers.get('connection'), 'close');
  await down;
  await drain.close(generousMs);
});

t.test('over TLS a connection ends with a goodbye', async t => {
  const authority = await createAuthority('servers');
  const { certificate, key } = await authority.issue(loopback);
  const { drain, port } = await serve(t, createTlsServer({ cert: certificate, key }));
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificate });
  await once(socket, 'secureConnect');
  const ends = Promise.all([once(socket, 'end'), once(socket, 'close')]);
  socket.write(request);
  await once(socket, 'data');
  const silent: Socket = connect(port, '127.0.0.1');
  await once(silent, 'connect');
  const cut = once(silent.resume(), 'close');
  await drain.close(generousMs);
  await ends;
  await cut;
});

/** Blocks this process, with its event loop, for so long. */
function holdUp(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
