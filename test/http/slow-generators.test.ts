import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { install, writePolicy } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const policy = `clients:
  admin: { allow: ["*"] }
  web: { allow: ["web/*"] }
`;
const as = (client: string) => ({ 'x-jarvis-client': client });

t.test('a rotation of many RSA keys holds up nobody, and ends with its client', async t => {
  const installation = await install(t.testdir());
  writePolicy(installation, policy);
  const service = await startInProcess(installation);
  const names = Array.from({ length: 100 }, (_, index) => `web/${index}`);
  for (const name of names) await service.request('POST', '/secret', { name, value: 'v' });
  await service.request('POST', '/secret', { name: 'victim', value: 'v' });

  const gone = new AbortController();
  let rotated = false;
  const rotation = fetch(`${service.url}/rotate`, {
    method: 'POST',
    headers: { ...as('web'), 'content-type': 'application/json' },
    body: JSON.stringify({ names, generator: 'rsa-2048' }),
    signal: gone.signal,
  }).finally(() => {
    rotated = true;
  });
  rotation.catch(() => undefined);
  // Keys are under way: the first of them has started the thread.
  await setTimeout(200);
  for (let count = 0; count < 30; count++) {
    t.equal((await service.request('GET', '/secret/victim')).status, 200);
  }
  t.notOk(rotated, 'thirty reads were answered before a hundred keys were made');

  const mine = await service.request('POST', '/rotate', { names: ['victim'], generator: 'rsa-2048' });
  t.equal(mine.status, 200);
  t.notOk(rotated, 'a key of another client did not wait for all hundred');

  gone.abort();
  await t.rejects(rotation);
  const put = await service.request('PUT', '/secret/web/0', { value: 'next' });
  t.equal(put.status, 200, 'the names are free at once');
  t.match(await put.json(), { version: 2 }, 'and nothing was rotated');
  await service.stop();
});
