import t from 'tap';
import { ask, RawConnection } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { runApp, until } from './running-app.ts';

const keepAlive = { connection: 'keep-alive' };
const read = requestBytes('GET', '/secret/a', undefined, keepAlive);
const list = requestBytes('GET', '/secrets?limit=1000', undefined, keepAlive);
/** More than the kernel takes for a client that does not read. */
const many = (request: Buffer) => Buffer.concat(Array(2000).fill(request));

t.test('who reads no answers is cut off before they fill the memory; others are served', async t => {
  const app = await runApp(t, { answerBytes: 2_000_000 });
  const before = process.memoryUsage().arrayBuffers;
  const greedy = await Promise.all(Array.from({ length: 8 }, () => RawConnection.open(app.url)));
  for (const connection of greedy) {
    connection.socket.pause();
    connection.send(many(read));
  }
  await until(async () => {
    // On a machine that is busy with others the service may say that it is overloaded.
    const { status } = await ask(app.url, read);
    return status === 200 && app.counted.includes('unread');
  });
  t.ok(process.memoryUsage().arrayBuffers - before < 100_000_000);
  for (const connection of greedy) connection.destroy();
});

t.test('a connection that has answers to read gets no more pages until it has read them', async t => {
  const app = await runApp(t, { connectionAnswerBytes: 1_300_000 });
  const pipeline = await RawConnection.open(app.url);
  pipeline.send(Buffer.concat([list, list, list, list]));
  const statuses = [];
  for (let count = 0; count < 4; count++) statuses.push((await pipeline.answer()).status);
  t.same(statuses, [200, 200, 503, 503], 'room for two pages of 640,000 bytes');
  pipeline.send(list);
  t.equal((await pipeline.answer()).status, 200, 'they are read');
  pipeline.destroy();
});
