import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { load, startLoad, together } from '../../bench/load.ts';
import { startPaced } from '../../bench/paced.ts';
import type { BenchServer } from '../../bench/processes.ts';

/** Answers as it is told to, in this process. */
async function startServer(
  t: Test,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<BenchServer> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return benchServer(server);
}

function benchServer(server: Server): BenchServer {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    headers: { 'x-jarvis-client': 'admin' },
    cpuSeconds: () => 0,
    stop: async () => undefined,
  };
}

function parity(path: string): number {
  return Number(path.slice(1)) % 2;
}

t.test('connections share the requests out, and no two bodies are alike', async t => {
  const bodies: string[] = [];
  const pathsOf = new Map<unknown, Set<string>>();
  const server = await startServer(t, async (request, response) => {
    const paths = pathsOf.get(request.socket) ?? new Set();
    pathsOf.set(request.socket, paths.add(request.url ?? ''));
    t.equal(request.headers['x-jarvis-client'], 'admin');
    t.equal(request.headers['content-type'], 'application/json');
    bodies.push(await text(request));
    // Few requests do: each is looked at.
    setTimeout(() => response.writeHead(201).end('{}'), 10);
  });
  const requests = [0, 1, 2, 3].map(
    index => ({ method: 'POST', path: `/${index}`, body: '{"name":"a/[<id>]"}' }) as const,
  );
  const sample = await load(server, requests, 2, 0.3, 0);
  t.ok(sample.requestsPerSecond > 0 && sample.p50 >= 9, `${sample.requestsPerSecond} requests/s`);
  t.equal(new Set(bodies).size, bodies.length, 'each of its own');
  for (const body of bodies) t.match(body, /^\{"name":"a\/[A-Za-z0-9_-]+"\}$/);
  // How many of its own each comes to send is up to the machine.
  t.equal(pathsOf.size, 2);
  for (const [first, ...others] of pathsOf.values()) {
    for (const other of others) t.equal(parity(other), parity(first ?? ''), `${first} ${other}`);
  }
});

t.test('an answer that is not 2xx voids the figure', async t => {
  const server = await startServer(t, (_request, response) => response.writeHead(503).end());
  await t.rejects(load(server, [{ method: 'GET', path: '/secret/test' }], 1, 0.1, 0), {
    message: /GET \/secret\/test: \d+ answers were not 2xx/,
  });
});

t.test('a source of load rests until it is asked, and measures as often as it is asked', async t => {
  let arrived = 0;
  const server = await startServer(t, (_request, response) => {
    arrived += 1;
    setTimeout(() => response.end('ok'), 10);
  });
  const source = await startLoad(server, [{ method: 'GET', path: '/' }], 1, 0);
  t.equal(arrived, 0);
  const first = await source.measure(0.2);
  const second = await source.measure(0.2);
  source.end();
  t.ok(first.requests > 0 && second.requests > 0, `${first.requests} and ${second.requests}`);
  // One under way at the end of each has no answer any more.
  t.ok(arrived - first.requests - second.requests <= 2, `${arrived} arrived`);
});

t.test('the time in which many requests are made ready is not in the figures', async t => {
  const arrivals: number[] = [];
  const server = await startServer(t, (_request, response) => {
    arrivals.push(performance.now());
    response.end('ok');
  });
  const requests = Array.from(
    { length: 60_000 },
    (_, index) => ({ method: 'GET', path: `/${index}` }) as const,
  );
  const sample = await load(server, requests, 64, 0.3, 0);
  const measured = (sample.requests / sample.requestsPerSecond) * 1000;
  const served = (arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0);
  t.ok(Math.abs(measured - served) < 150, `${measured} ms of ${served}`);
});

t.test('one slow sample of three does not move what they are together', t => {
  const usual = {
    requests: 100,
    requestsPerSecond: 250,
    p50: 1,
    p99: 4,
    serverCores: 1,
    serverMicroseconds: 500,
  };
  const slow = {
    requests: 10,
    requestsPerSecond: 25,
    p50: 9,
    p99: 90,
    serverCores: 0.1,
    serverMicroseconds: 900,
  };
  t.same(together([usual, slow, usual]), { ...usual, requests: 210 });
  t.equal(together([usual, slow]).requestsPerSecond, 137.5);
  t.end();
});

t.test('a measurement begins when the server is done with the warm-up', async t => {
  const arrivals: number[] = [];
  const server = await startServer(t, (_request, response) => {
    arrivals.push(performance.now());
    setTimeout(() => response.end('ok'), 10);
  });
  // Busy whenever it is looked at, until the fourth look.
  let asked = 0;
  const busy = { ...server, cpuSeconds: () => Math.min(asked++, 6) };
  await load(busy, [{ method: 'GET', path: '/' }], 1, 0.2, 0.2);
  const pauses = arrivals.slice(1).map((arrival, index) => arrival - (arrivals[index] ?? 0));
  t.ok(Math.max(...pauses) > 350, `${Math.max(...pauses)} ms between the two`);
});

t.test('at a fixed rate, a stall is in the time of every request that it held up', async t => {
  let stall: Promise<void> | null = null;
  let answered = 0;
  const server = await startServer(t, async (_request, response) => {
    stall ??= new Promise(resolve => setTimeout(resolve, 400));
    await stall;
    answered += 1;
    response.end('ok');
  });
  // 64 connections, and 250 requests that fall due while nothing is answered.
  const source = startPaced(server, '/', 500);
  t.teardown(() => source.end());
  const sample = await source.measure({ warmSeconds: 0, seconds: 0.5 });
  t.equal(answered, 250);
  t.ok(sample.p50 > 100, `p50 ${sample.p50} ms`);
  t.ok(sample.p50 < sample.p99 && sample.p99 <= sample.p999);
});

t.test('at a rate that few connections can keep, all stay open until the end, and none after it', async t => {
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  t.teardown(() => server.closeAllConnections());
  let opened = 0;
  const allClosed = Promise.withResolvers<void>();
  let open = 0;
  server.on('connection', socket => {
    opened += 1;
    open += 1;
    socket.once('close', () => {
      open -= 1;
      if (open === 0) allClosed.resolve();
    });
  });
  await once(server, 'listening');
  const source = startPaced(benchServer(server), '/', 50);
  await source.measure({ warmSeconds: 0, seconds: 0.2 });
  await source.measure({ warmSeconds: 0.1, seconds: 0.2 });
  t.same([opened, open], [64, 64]);
  source.end();
  await allClosed.promise;
  server.close();
});
