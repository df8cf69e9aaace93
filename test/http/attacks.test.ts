import t, { type Test } from 'tap';
import { ask, RawConnection } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { install, type RunningService, startService } from '../helpers/service.ts';
import { incrementsOf } from '../metrics/contract.ts';

const maxConnections = 100;
const keepAlive = { connection: 'keep-alive' };
const json = { 'content-type': 'application/json' };
const probe = requestBytes('GET', '/healthz', undefined);
const read = requestBytes('GET', '/secret/kept', undefined, keepAlive);

/** MiB of resident memory past which a service has let itself be filled. */
const mostResident = 400;

const service = await startService(
  await install(t.testdir(), { JARVIS_SECRETSD_LIMITS_MAX_CONNECTIONS: String(maxConnections) }),
);
await service.request('POST', '/secret', { name: 'kept', value: 'v' });

/** Whatever was done to it, the service lives, answers its probes and keeps its size. */
async function stands(t: Test, service: RunningService): Promise<void> {
  t.equal(service.child.exitCode, null);
  for (const path of ['/healthz', '/readyz', '/metrics'])
    t.equal((await ask(service.url, requestBytes('GET', path, undefined))).status, 200, path);
  const resident = ((await service.scrape()).get('process_resident_memory_bytes') ?? Number.NaN) / 2 ** 20;
  t.ok(resident < mostResident, `${Math.round(resident)} MiB`);
}

t.test('slow senders of heads and bodies hold nobody up', async t => {
  const halves = [
    'GET /secret/kept HTTP/1.1\r\nHost: 127',
    requestBytes('POST', '/secret', 'x'.repeat(1000)).subarray(0, -990),
  ];
  const slow: RawConnection[] = [];
  for (let count = 0; count < 3 * maxConnections; count++) {
    const connection = await RawConnection.open(service.url);
    connection.send(halves[count % 2] ?? '');
    slow.push(connection);
  }
  const dripping = setInterval(() => {
    for (const connection of slow) connection.send('0');
  }, 50);
  await stands(t, service);
  clearInterval(dripping);
  const { socket } = slow.at(-1) ?? {};
  t.equal(socket?.closed, false, 'the last ones are still there');
  for (const connection of slow) connection.destroy();
  const dropped = (await service.scrape()).get('connections_dropped_total{reason="evicted"}') ?? 0;
  t.ok(dropped >= 2 * maxConnections, `${dropped} made room`);
});

t.test('a flood of headers is cut off', async t => {
  const connection = await RawConnection.open(service.url);
  connection.send('GET /secrets HTTP/1.1\r\nHost: 127.0.0.1\r\n');
  connection.send(Array.from({ length: 5000 }, (_, index) => `X-${index}: ${'x'.repeat(20)}\r\n`).join(''));
  t.match(await connection.answer(), { status: 431 });
  await stands(t, service);
});

t.test('thousands of pipelined requests have their answers, in order and counted', async t => {
  const count = 5000;
  const increments = await incrementsOf(service, async () => {
    const connection = await RawConnection.open(service.url);
    connection.send(
      Buffer.concat(Array.from({ length: count }, (_, index) => (index % 2 ? probe : read)).map(asKeptAlive)),
    );
    const bodies: string[] = [];
    for (let index = 0; index < count; index++) {
      const { status, body } = await connection.answer();
      bodies.push(status === 503 ? 'shed' : (Object.keys(JSON.parse(body))[0] ?? ''));
    }
    t.ok(bodies.every((key, index) => (index % 2 ? key === 'status' : key === 'name' || key === 'shed')));
    connection.destroy();
  });
  const { http_requests_total = 0, http_requests_success = 0, http_requests_error = 0 } = increments;
  t.equal(http_requests_total, count);
  t.equal(http_requests_success + http_requests_error, count, 'each is a success or an error');
  await stands(t, service);
});

t.test('who pipelines without end and reads nothing is not read from either', async t => {
  const connection = await RawConnection.open(service.url);
  connection.socket.pause();
  const megabyte = Buffer.concat(Array(8000).fill(read));
  for (let count = 0; count < 20; count++) connection.send(megabyte);
  await stands(t, service);
  t.ok(connection.socket.writableLength > megabyte.length, 'most of it was not taken');
  connection.destroy();
  await untilQuiet();
});

/** Resolves when the service has counted all that it had taken: from one scrape to the next there is nothing but the scrape. */
async function untilQuiet(): Promise<void> {
  const counted = async () => (await service.scrape()).get('http_requests_total') ?? 0;
  for (let before = await counted(), after = await counted(); after > before + 1; after = await counted())
    before = after;
}

/** A secret that none of the requests below may create, however they are read. */
const smuggled = requestBytes('POST', '/secret', '{"name":"smuggled","value":"v"}').toString();
const post = (headers: string, body: string) =>
  `POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Jarvis-Client: admin\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;

const misframed: Record<string, string> = {
  'two lengths': post('Content-Length: 0\r\nContent-Length: 5', smuggled),
  'a list of lengths': post('Content-Length: 0, 0', smuggled),
  'a length with a sign': post('Content-Length: +0', smuggled),
  'a length in hexadecimal': post('Content-Length: 0x0', smuggled),
  'a negative length': post('Content-Length: -1', smuggled),
  'a length beyond counting': post('Content-Length: 99999999999999999999', smuggled),
  'a length and chunks': post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`),
  'chunks and a length': post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${smuggled}`),
  'a coding after chunked': post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${smuggled}`),
  'an unknown coding': post('Transfer-Encoding: xchunked', `0\r\n\r\n${smuggled}`),
  'a blank before the colon': post('Transfer-Encoding : chunked', `0\r\n\r\n${smuggled}`),
  'a vertical tab for a blank': post('Transfer-Encoding:\x0bchunked', `0\r\n\r\n${smuggled}`),
  'a folded line': post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${smuggled}`),
  'line ends without CR': post('Transfer-Encoding: chunked', `0\r\n\r\n${smuggled}`).replace(
    'chunked\r\n',
    'chunked\n',
  ),
  'a chunk size that is none': post('Transfer-Encoding: chunked', `zz\r\n\r\n0\r\n\r\n${smuggled}`),
  'a negative chunk size': post('Transfer-Encoding: chunked', `-1\r\n\r\n0\r\n\r\n${smuggled}`),
  'a chunk size beyond counting': post('Transfer-Encoding: chunked', `fffffffffffffffff\r\n${smuggled}`),
  'a chunk longer than it says': post('Transfer-Encoding: chunked', `1\r\nxx\r\n0\r\n\r\n${smuggled}`),
  'chunk extensions without end': post(
    'Transfer-Encoding: chunked',
    `1;${'x'.repeat(20_000)}\r\nx\r\n0\r\n\r\n`,
  ),
};

for (const [what, bytes] of Object.entries(misframed)) {
  t.test(`a body that can be read in two ways is read in none: ${what}`, async t => {
    const increments = await incrementsOf(service, async () => {
      const connection = await RawConnection.open(service.url);
      connection.send(bytes);
      const { status, body } = await connection.answer();
      t.ok(status === 400 || status === 413, `status ${status}`);
      t.same(Object.keys(JSON.parse(body)), ['error', 'message']);
      connection.socket.end();
      await connection.closed;
      t.equal(connection.rest, '', 'one answer, and the connection is over');
    });
    const { http_requests_total, http_requests_error } = increments;
    t.same([http_requests_total, http_requests_error], [1, 1], 'counted once');
    t.equal((await service.request('GET', '/secret/smuggled')).status, 404);
  });
}

t.test('garbage after a change does not take the place of its answer', async t => {
  const create = (name: string, connection: string) =>
    requestBytes('POST', '/secret', JSON.stringify({ name, value: 'v' }), { connection });
  const garbage = Buffer.from('garbage\r\n\r\n');
  const kept = await RawConnection.open(service.url);
  kept.send(Buffer.concat([create('one', 'keep-alive'), create('two', 'keep-alive'), garbage]));
  const statuses = [await kept.answer(), await kept.answer(), await kept.answer()].map(
    ({ status }) => status,
  );
  t.same(statuses, [201, 201, 400]);
  await kept.closed;
  const last = await RawConnection.open(service.url);
  last.send(Buffer.concat([create('three', 'close'), garbage]));
  t.equal((await last.answer()).status, 201);
  await last.closed;
  t.equal(last.rest, '', 'what follows the last request is none');
});

t.test('a request that was refused before its body has one answer, however the body goes on', async t => {
  const connection = await RawConnection.open(service.url);
  connection.send('POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n');
  t.equal((await connection.answer()).status, 401);
  connection.send('zz\r\n');
  await connection.closed;
  t.equal(connection.rest, '');
});

t.test('Expect: 100-continue is kept, an Upgrade is not taken up, an absolute target is', async t => {
  const connection = await RawConnection.open(service.url);
  const body = '{"name":"expected","value":"v"}';
  connection.send(requestBytes('POST', '/secret', body, { ...keepAlive, expect: '100-continue' }));
  t.equal((await connection.answer()).status, 100);
  t.equal((await connection.answer()).status, 201);
  connection.send(requestBytes('GET', '/secret/kept', undefined, { connection: 'upgrade', upgrade: 'h2c' }));
  t.equal((await connection.answer()).status, 200);
  connection.destroy();
  const absolute = requestBytes('GET', 'http://127.0.0.1/secret/kept', undefined, { host: 'localhost' });
  t.equal((await ask(service.url, absolute)).status, 200, 'a target in absolute form is read as one');
});

t.test('deep JSON as long as a body may be is refused in each place that takes an object', async t => {
  const deep = (open: string, close: string, length: number) =>
    open.repeat(length / (open.length + close.length)) + close.repeat(length / (open.length + close.length));
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const value = deep(open, close, 130_000).replace(':}', ':0}');
    for (const [path, body] of [
      ['/secret', value],
      ['/secret', `{"name":"a","value":"v","metadata":${value}}`],
      ['/secret', `{"name":"a","value":"v","rotation":{"every":"1d","generator":${value}}}`],
      ['/rotate', `{"names":["kept"],"generator":${value}}`],
      ['/rotate', `{"names":${value}}`],
    ] as const) {
      const answer = await ask(service.url, requestBytes('POST', path, body, json));
      t.equal(answer.status, 400, `${path} ${body.slice(0, 60)}`);
    }
  }
  await stands(t, service);
});

t.test('queries and names by the thousand are refused', async t => {
  const long = await ask(service.url, requestBytes('GET', `/secrets?${'a=1&'.repeat(5000)}`, undefined));
  t.equal(long.status, 431);
  const many = await ask(service.url, requestBytes('GET', `/secrets?${'a=1&'.repeat(3500)}`, undefined));
  t.equal(many.status, 400);
  const names = JSON.stringify({ names: Array.from({ length: 10_000 }, (_, index) => `n${index}`) });
  const rotated = await ask(service.url, requestBytes('POST', '/rotate', names, json));
  t.equal(rotated.status, 400);
  t.match(JSON.parse(rotated.body), {
    error: 'bad_request',
    message: /names must have at most 100 entries/,
  });
  await stands(t, service);
});

// No teardown: see test/together.ts.
t.test('the service stops', async t => {
  t.equal(await service.stop(), 0);
});

function asKeptAlive(request: Buffer): Buffer {
  return Buffer.from(request.toString().replace('connection: close', 'connection: keep-alive'));
}
