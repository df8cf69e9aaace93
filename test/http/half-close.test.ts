/** A client that ends its side of the connection after the request gets its answers, and leaves nothing behind. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { takeAnswer } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const service = await startInProcess(await install(t.testdir()));
await service.request('PUT', '/secret/a', { value: 'v1' });
const { port } = new URL(service.url);

const keepAlive = { connection: 'keep-alive' };
const requests: Readonly<Record<string, Buffer>> = {
  'a probe': requestBytes('GET', '/healthz', undefined, keepAlive),
  readiness: requestBytes('GET', '/readyz', undefined, keepAlive),
  'a scrape': requestBytes('GET', '/metrics', undefined, keepAlive),
  'a list': requestBytes('GET', '/secrets', undefined, keepAlive),
  'a read': requestBytes('GET', '/secret/a', undefined, keepAlive),
  'a change': requestBytes('PUT', '/secret/a', '{"value":"v2"}', keepAlive),
};

/** Sends the bytes and the end of the stream together, and resolves with everything that comes back. */
async function sendAndEnd(bytes: Buffer): Promise<string> {
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  socket.end(bytes);
  return await text(socket);
}

for (const [what, bytes] of Object.entries(requests)) {
  t.test(`${what} is answered, and the connection is closed`, async t => {
    const taken = takeAnswer(await sendAndEnd(bytes));
    t.equal(taken?.answer.status, 200);
    t.equal(taken?.rest, '');
  });
}

t.test('every request of a pipeline is answered', async t => {
  let rest = await sendAndEnd(Buffer.concat(Object.values(requests)));
  for (const what of Object.keys(requests)) {
    const taken = takeAnswer(rest);
    t.equal(taken?.answer.status, 200, what);
    rest = taken?.rest ?? '';
  }
  t.equal(rest, '');
});

t.test('half a request is answered 400', async t => {
  const half = requests['a change']?.subarray(0, -3) ?? Buffer.alloc(0);
  t.equal(takeAnswer(await sendAndEnd(half))?.answer.status, 400);
  t.equal(takeAnswer(await sendAndEnd(Buffer.from('GET /hea')))?.answer.status, 400);
});

t.test('a connection without a request ends with its client', async t => {
  t.equal(await sendAndEnd(Buffer.alloc(0)), '');
  const idle = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  idle.write(requests['a probe'] ?? '');
  await once(idle, 'data');
  idle.end();
  await once(idle.resume(), 'end');
  t.pass('after an answer, too');
});

t.test('what takes long is told from a client that has gone by an interim answer', async t => {
  const rotation = JSON.stringify({ names: ['a'], generator: 'rsa-2048' });
  const answers = await sendAndEnd(requestBytes('POST', '/rotate', rotation, keepAlive));
  t.match(answers, /^(HTTP\/1\.1 102 Processing\r\n\r\n)+HTTP\/1\.1 200 OK\r\n/);
});

t.test('no connection is left', async t => {
  const { server } = service.service.app;
  for (;;) {
    const count = await new Promise<number>((resolve, reject) => {
      server.getConnections((error, connections) => (error ? reject(error) : resolve(connections)));
    });
    // That of the agent that asked first.
    if (count <= 1) break;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  t.pass();
});

// No teardown: see test/together.ts.
t.test('the service stops', () => service.stop());
