import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const service = await startInProcess(await install(t.testdir()));
const { port } = new URL(service.url);
const mebibyte = Buffer.alloc(1 << 20, 0x61);

/** Sends as much as the connection takes, until it ends; resolves with what came back. */
async function upload(head: string, chunk: Buffer): Promise<{ answer: string; sent: number }> {
  const socket: Socket = connect(Number(port), '127.0.0.1');
  let answer = '';
  let sent = 0;
  socket.on('data', data => {
    answer += data;
  });
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(head);
  const send = (): void => {
    if (socket.destroyed || socket.writableEnded) return;
    while (socket.write(chunk)) sent += chunk.length;
    sent += chunk.length;
  };
  socket.on('drain', send);
  send();
  await closed;
  return { answer, sent: Math.min(sent, socket.bytesWritten) };
}

const host = 'Host: 127.0.0.1\r\nContent-Type: application/json\r\n';

t.test('an upload that is refused before it has arrived is not read to its end', async t => {
  for (const [what, start, status] of [
    ['no identity', 'POST /secret HTTP/1.1\r\n', 401],
    ['no route', 'POST /nowhere HTTP/1.1\r\n', 404],
    ['another method', 'PATCH /secret HTTP/1.1\r\n', 405],
    ['a probe', 'POST /healthz HTTP/1.1\r\n', 405],
    ['another host', 'POST /secret HTTP/1.1\r\nHost: elsewhere\r\nX-Jarvis-Client: admin\r\n', 421],
  ] as const) {
    const named = start.includes('Host:') ? `${start}Content-Type: application/json\r\n` : start + host;
    const long = await upload(`${named}Content-Length: ${2 ** 40}\r\n\r\n`, mebibyte);
    t.match(long.answer, new RegExp(`^HTTP/1.1 ${status} `), what);
    // What the buffers of the system on both sides hold is taken, too.
    t.ok(long.sent < 64 * 2 ** 20, `${what}: ${long.sent} bytes were taken`);
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), mebibyte, Buffer.from('\r\n')]);
    const chunked = await upload(`${named}Transfer-Encoding: chunked\r\n\r\n`, chunk);
    t.match(chunked.answer, new RegExp(`^HTTP/1.1 ${status} `), `${what}, in chunks`);
    t.ok(chunked.sent < 64 * 2 ** 20, `${what}, in chunks: ${chunked.sent} bytes were taken`);
  }
});

t.test('a small body that is refused leaves the connection to the next request', async t => {
  const socket = connect(Number(port), '127.0.0.1');
  const body = `{"name":"a","value":"${'v'.repeat(1000)}"}`;
  const refused = `POST /secret HTTP/1.1\r\n${host}Content-Length: ${body.length}\r\n\r\n`;
  let answers = '';
  socket.on('data', data => {
    answers += data;
  });
  socket.write(refused + body);
  socket.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
  await once(socket, 'close');
  t.match(answers, /^HTTP\/1\.1 401 [\s\S]*HTTP\/1\.1 200 /);
});

// No teardown: see test/together.ts.
t.test('the service stops', () => service.stop());
