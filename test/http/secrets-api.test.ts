import t from 'tap';
import { exchange, requestBytes } from '../helpers/raw-http.ts';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const service = await startInProcess(await install(t.testdir()));

t.test('names hold slashes, in paths and in bodies, escaped or not', async t => {
  await create('app/web/db.password', 'v1');
  t.equal(await readValue('app/web/db.password'), 'v1');
  t.equal(await readValue('app%2Fweb%2Fdb.password'), 'v1');
  t.equal((await service.request('GET', '/secret/app/web')).status, 404);
});

t.test('a created secret answers with its facts and its tag', async t => {
  const created = await service.request('POST', '/secret', { name: 'facts', value: 'v' });
  t.equal(created.status, 201);
  t.equal(created.headers.get('etag'), '"1"');
  const facts = await json(created);
  t.same(Object.keys(facts), ['name', 'version', 'kid', 'created_at', 'expires_at']);
  t.match(facts, { name: 'facts', version: 1 });
  t.equal(days(facts['created_at'], facts['expires_at']), 90);
});

t.test('what curl -d sends is taken for JSON', async t => {
  const body = '{"name":"curl","value":"ü"}';
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  t.equal((await exchange(service.url, requestBytes('POST', '/secret', body, form))).status, 201);
  t.equal(await readValue('curl'), 'ü');
});

t.test('a staged version is read once it is activated, and the older one still by its number', async t => {
  await create('staged', 'v1');
  const staged = await service.request('PUT', '/secret/staged', { value: 'v2', activate: false });
  t.equal(staged.status, 200);
  t.equal(staged.headers.get('etag'), null, 'the tag is the active version’s');
  t.match(await json(staged), { version: 2 });
  t.equal(await readValue('staged'), 'v1');
  t.same(await states('staged'), { 1: 'active', 2: 'staged' });

  const activated = await service.request('POST', '/activate', { name: 'staged', version: 2 });
  t.equal(activated.status, 200);
  t.equal(activated.headers.get('etag'), '"2"');
  t.equal(await readValue('staged'), 'v2');
  t.equal(await readValue('staged?version=1'), 'v1');
  t.same(await states('staged'), { 1: 'superseded', 2: 'active' });
});

t.test('If-Match lets a change through for the version that is active', async t => {
  await create('matched', 'v1');
  const changed = await service.request(
    'PUT',
    '/secret/matched',
    { value: 'v2' },
    { 'if-match': '"7", "1"' },
  );
  t.equal(changed.status, 200);
  t.equal(changed.headers.get('etag'), '"2"');
});

t.test('delete hides, undelete brings back, and a deleted name is taken', async t => {
  await create('deleted', 'v1');
  t.equal((await service.request('DELETE', '/secret/deleted')).status, 204);
  t.equal((await service.request('GET', '/secret/deleted')).status, 404);
  const again = await service.request('POST', '/secret', { name: 'deleted', value: 'v2' });
  t.equal(again.status, 409);
  t.match(await json(again), { error: 'deleted' });
  t.equal((await service.request('PUT', '/secret/deleted', { value: 'v2' })).status, 409);
  t.equal((await service.request('POST', '/undelete', { name: 'deleted' })).status, 200);
  t.equal(await readValue('deleted'), 'v1');
});

t.test('a purged name begins anew above its old version numbers', async t => {
  await create('purged', 'v1');
  await service.request('PUT', '/secret/purged', { value: 'v2' });
  t.equal((await service.request('DELETE', '/secret/purged?purge=true')).status, 204);
  const created = await service.request('POST', '/secret', { name: 'purged', value: 'v3' });
  t.equal(created.status, 201);
  t.match(await json(created), { version: 3 });
  t.equal((await service.request('GET', '/secret/purged?version=1')).status, 404);
});

t.test('metadata stays unless a change brings its own', async t => {
  await service.request('POST', '/secret', { name: 'noted', value: 'v1', metadata: { owner: 'web' } });
  await service.request('PUT', '/secret/noted', { value: 'v2' });
  t.same((await json(await service.request('GET', '/secret/noted')))['metadata'], { owner: 'web' });
  await service.request('PUT', '/secret/noted', { value: 'v3', metadata: { team: 'db' } });
  t.same((await json(await service.request('GET', '/secret/noted')))['metadata'], { team: 'db' });
});

t.test('pages neither repeat nor miss a secret while others come and go', async t => {
  const staying = ['page/b', 'page/d', 'page/f', 'page/h'];
  for (const name of [...staying, 'page/c', 'page/g']) await create(name, 'v');
  const seen: string[] = [];
  let cursor: unknown;
  const turn = async () => {
    const query = new URLSearchParams({
      prefix: 'page/',
      limit: '2',
      ...(cursor ? { cursor: String(cursor) } : {}),
    });
    const page = await json(await service.request('GET', `/secrets?${query}`));
    for (const { name } of page['secrets'] as { name: string }[]) seen.push(name);
    cursor = page['next_cursor'];
  };
  await turn();
  t.same(seen, ['page/b', 'page/c']);
  await service.request('DELETE', '/secret/page/c');
  await service.request('DELETE', '/secret/page/g?purge=true');
  await create('page/a', 'v');
  await create('page/e', 'v');
  for (let pages = 0; cursor !== null && pages < 10; pages++) await turn();
  t.same(seen, ['page/b', 'page/c', 'page/d', 'page/e', 'page/f', 'page/h']);
});

t.test('each generator makes what it says', async t => {
  const shapes: readonly (readonly [generator: unknown, shape: RegExp])[] = [
    ['bytes', /^[A-Za-z0-9+/]{43}=$/],
    [{ type: 'bytes', length: 9 }, /^[A-Za-z0-9+/]{12}$/],
    ['hex', /^[0-9a-f]{64}$/],
    ['base64url', /^[\w-]{43}$/],
    [{ type: 'alphanumeric', length: 12 }, /^[A-Za-z0-9]{12}$/],
    [{ type: 'password', length: 14, classes: ['lower', 'digit'] }, /^(?=.*[a-z])(?=.*\d)[a-z\d]{14}$/],
    ['uuid', /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/],
    ['ed25519', /^-----BEGIN PRIVATE KEY-----\n[\s\S]+\n-----END PRIVATE KEY-----\n$/],
    ['rsa-2048', /^-----BEGIN PRIVATE KEY-----\n[\s\S]{1500,}\n-----END PRIVATE KEY-----\n$/],
  ];
  await create('generated', 'v1');
  let version = 1;
  for (const [generator, shape] of shapes) {
    const rotated = await service.request('POST', '/rotate', { names: ['generated'], generator });
    version++;
    t.same(await json(rotated), { rotated_count: 1, rotated: [{ name: 'generated', version }] });
    t.match(await readValue('generated'), shape, JSON.stringify(generator));
  }
});

t.test('a method that a path does not have is answered with those it has', async t => {
  const allowed = async (path: string) => {
    const answer = await service.request('PATCH', path, {});
    t.equal(answer.status, 405);
    return answer.headers.get('allow')?.split(', ').sort();
  };
  t.same(await allowed('/secret'), ['POST']);
  t.same(await allowed('/secret/a/b'), ['DELETE', 'GET', 'PUT']);
  t.same(await allowed('/secrets?limit=1'), ['GET']);
});

// No teardown: a test's folder is gone before it.
t.test('the service stops', () => service.stop());

async function create(name: string, value: string): Promise<void> {
  const { status } = await service.request('POST', '/secret', { name, value });
  if (status !== 201) throw new Error(`${name} was not created: ${status}`);
}

async function readValue(path: string): Promise<string> {
  return String((await json(await service.request('GET', `/secret/${path}`)))['value']);
}

async function states(name: string): Promise<Record<string, string>> {
  const { versions } = await json(await service.request('GET', `/versions/${name}`));
  return Object.fromEntries(
    (versions as { version: number; state: string }[]).map(({ version, state }) => [version, state]),
  );
}

async function json(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}

function days(from: unknown, to: unknown): number {
  return (Date.parse(String(to)) - Date.parse(String(from))) / 86_400_000;
}
