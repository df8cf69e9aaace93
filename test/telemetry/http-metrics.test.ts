import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { recordHttpMetrics } from '../../telemetry/http-metrics.ts';
import { type Metrics, noMetrics } from '../../telemetry/instruments.ts';

/** What a recorder reported: received, 2xx, 4xx/5xx, observed. */
class Tally {
  received = 0;
  succeeded = 0;
  failed = 0;
  readonly observed: number[] = [];
  readonly routes: (readonly [method: string, route: string, status: number])[] = [];

  metrics(): Metrics {
    return {
      ...noMetrics(),
      requestReceived: () => void this.received++,
      requestSucceeded: () => void this.succeeded++,
      requestFailed: () => void this.failed++,
      requestObserved: seconds => void this.observed.push(seconds),
      routeServed: (method, route, status) => void this.routes.push([method, route, status]),
    };
  }

  get counts() {
    return [this.received, this.succeeded, this.failed, this.observed.length];
  }
}

interface Recorded {
  readonly server: Server;
  readonly tally: Tally;
  readonly stop: () => void;
}

/** A server that answers malformed requests and CONNECT as the application does. */
async function recordedServer(t: Test, listener: RequestListener, options = {}): Promise<Recorded> {
  const server = createServer({ connectionsCheckingInterval: 20, ...options }, listener);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });
  server.on('connect', (_request, socket) => socket.end('HTTP/1.1 405 Method Not Allowed\r\n\r\n'));
  const tally = new Tally();
  const stop = recordHttpMetrics(server, tally.metrics(), ({ url }) =>
    url?.startsWith('/secret/') ? '/secret/*' : undefined,
  );
  t.teardown(() => {
    stop();
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, tally, stop };
}

function open(server: Server): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

/** Sends bytes and reads until the server closes the connection. */
async function exchange(server: Server, bytes: string): Promise<string> {
  const socket = open(server);
  let reply = '';
  socket.setEncoding('latin1').on('data', text => {
    reply += text;
  });
  socket.write(bytes);
  await once(socket, 'close');
  return reply;
}

/** Breaks a connection off from the client's end; resolves when the server's end has seen it. */
async function reset(client: Socket, accepted: Socket): Promise<void> {
  const closed = new Promise(resolve => accepted.once('close', resolve));
  client.resetAndDestroy();
  await closed;
}

const ok: RequestListener = (_request, response) => response.end('ok');
const host = 'Host: localhost\r\n';
const last = `${host}Connection: close\r\n\r\n`;

t.test('answers by status class', async t => {
  const statuses: Record<string, number> = { '/2': 204, '/3': 304, '/4': 404, '/5': 503 };
  const { server, tally } = await recordedServer(t, (request, response) => {
    response.writeHead(statuses[request.url ?? ''] ?? 500).end();
  });
  await exchange(server, `GET /2 HTTP/1.1\r\n${last}`);
  t.same(tally.counts, [1, 1, 0, 1]);
  await exchange(server, `GET /3 HTTP/1.1\r\n${last}`);
  t.same(tally.counts, [2, 1, 0, 2], '3xx is neither');
  await exchange(server, `GET /4 HTTP/1.1\r\n${last}`);
  await exchange(server, `GET /5 HTTP/1.1\r\n${last}`);
  t.same(tally.counts, [4, 1, 2, 4]);
});

t.test('a request is counted when it is received, before it is answered', async t => {
  const { server, tally } = await recordedServer(t, (_request, response) => {
    t.same(tally.counts, [1, 0, 0, 0]);
    response.end();
  });
  await exchange(server, `GET / HTTP/1.1\r\n${last}`);
  t.same(tally.counts, [1, 1, 0, 1]);
});

t.test('requests that never reach a handler', async t => {
  const { server, tally } = await recordedServer(t, () => t.fail('no handler is called'));
  t.match(await exchange(server, `GET / HTTP/1.1\r\nConnection: close\r\n\r\n`), /^HTTP\/1.1 400/, 'no Host');
  t.same(tally.counts, [1, 0, 1, 1]);
  t.match(await exchange(server, `GET / HTTP/1.1\r\nExpect: x\r\n${last}`), /^HTTP\/1.1 417/);
  t.same(tally.counts, [2, 0, 2, 2]);
  t.match(await exchange(server, 'not http at all\r\n\r\n'), /^HTTP\/1.1 400/);
  t.same(tally.counts, [3, 0, 3, 3]);
  await exchange(server, `GET / HTTP/1.1\r\nX-Large: ${'a'.repeat(20_000)}\r\n${last}`);
  t.same(tally.counts, [4, 0, 4, 4], 'headers too large');
  t.match(await exchange(server, `CONNECT a:1 HTTP/1.1\r\n${last}`), /^HTTP\/1.1 405/);
  t.same(tally.counts, [5, 0, 5, 5]);
});

t.test('odd requests that do reach a handler', async t => {
  const { server, tally } = await recordedServer(t, ok);
  await exchange(server, `GET /%zz HTTP/1.1\r\n${last}`);
  await exchange(server, `HEAD / HTTP/1.1\r\n${last}`);
  await exchange(server, `GET / HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: upgrade, close\r\n\r\n`);
  t.same(tally.counts, [3, 3, 0, 3]);
});

t.test('pipelined requests are counted one by one, garbage after them too', async t => {
  const { server, tally } = await recordedServer(t, ok);
  await exchange(
    server,
    `GET /1 HTTP/1.1\r\n${host}\r\nGET /2 HTTP/1.1\r\n${host}\r\nGET /3 HTTP/1.1\r\n${last}`,
  );
  t.same(tally.counts, [3, 3, 0, 3]);
  const socket = open(server);
  socket.write(`GET /4 HTTP/1.1\r\n${host}\r\n`);
  await once(socket, 'data');
  socket.write('garbage\r\n\r\n');
  await once(socket, 'close');
  t.same(tally.counts, [5, 4, 1, 5]);
});

t.test('an aborted request is observed once, and is neither success nor error', async t => {
  const { server, tally } = await recordedServer(t, (request, response) => {
    if (request.url === '/flush') response.write('part of an answer');
  });
  for (const url of ['/hang', '/flush']) {
    const socket = open(server);
    socket.write(`GET ${url} HTTP/1.1\r\n${host}\r\n`);
    const [request] = await once(server, 'request');
    await reset(socket, request.socket);
  }
  t.same(tally.counts, [2, 0, 0, 2]);
});

t.test('pipelined requests aborted together are each observed', async t => {
  const { server, tally } = await recordedServer(t, () => undefined);
  const socket = open(server);
  socket.write(`GET /1 HTTP/1.1\r\n${host}\r\nGET /2 HTTP/1.1\r\n${host}\r\n`);
  const [request] = await once(server, 'request');
  await reset(socket, request.socket);
  t.same(tally.counts, [2, 0, 0, 2]);
});

t.test('a body that breaks off belongs to the request that began', async t => {
  const { server, tally } = await recordedServer(t, request => request.resume(), { requestTimeout: 60 });
  await exchange(server, `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nZZZ\r\n`);
  t.same(tally.counts, [1, 0, 1, 1], 'bad chunk');
  await exchange(server, `POST / HTTP/1.1\r\n${host}Content-Length: 10\r\n\r\nabc`);
  t.same(tally.counts, [2, 0, 2, 2], 'too slow');
  t.ok((tally.observed[1] ?? 0) >= 0.02, 'timed from its start');
});

t.test('a body that breaks off after the answer counts nothing more', async t => {
  const { server, tally } = await recordedServer(t, (_request, response) => response.writeHead(413).end());
  const socket = open(server);
  socket.write(`POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`);
  await once(socket, 'data');
  socket.write('ZZZ\r\n');
  await once(socket, 'close');
  t.same(tally.counts, [1, 0, 1, 1]);
});

t.test('headers that never end are a malformed request; a silent connection is none', async t => {
  const { server, tally } = await recordedServer(t, ok, { headersTimeout: 60, requestTimeout: 60 });
  await exchange(server, 'GET /x HT');
  t.same(tally.counts, [1, 0, 1, 1]);
  await exchange(server, '');
  t.same(tally.counts, [1, 0, 1, 1]);
});

t.test('only requests with a route template are service levels, under a bounded method', async t => {
  const { server, tally } = await recordedServer(t, ok);
  await exchange(server, `GET /healthz HTTP/1.1\r\n${last}`);
  await exchange(server, `GET /secret/app/db HTTP/1.1\r\n${last}`);
  await exchange(server, `PROPFIND /secret/app/db HTTP/1.1\r\n${last}`);
  t.same(tally.routes, [
    ['GET', '/secret/*', 200],
    ['_OTHER', '/secret/*', 200],
  ]);
});

t.test('a route callback that throws harms nothing', async t => {
  const { server } = await recordedServer(t, ok);
  const tally = new Tally();
  const stop = recordHttpMetrics(server, tally.metrics(), () => {
    throw new Error('no route');
  });
  t.teardown(stop);
  t.match(await exchange(server, `GET / HTTP/1.1\r\n${last}`), /^HTTP\/1.1 200/);
  t.same(tally.counts, [1, 1, 0, 1]);
});

t.test('another server in the process is not counted, nor anything after stopping', async t => {
  const first = await recordedServer(t, ok);
  const second = await recordedServer(t, ok);
  await exchange(second.server, `GET / HTTP/1.1\r\n${last}`);
  t.same(first.tally.counts, [0, 0, 0, 0]);
  t.same(second.tally.counts, [1, 1, 0, 1]);
  second.stop();
  await exchange(second.server, `GET / HTTP/1.1\r\n${last}`);
  await exchange(second.server, 'garbage\r\n\r\n');
  t.same(second.tally.counts, [1, 1, 0, 1]);
});
