import t from 'tap';
import { install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const service = await startInProcess(await install(t.testdir()));

t.test('activating the version before is the way back from a bad rotation', async t => {
  await create('bad', { value: 'good' });
  await rotate(['bad']);
  t.not(await readValue('bad'), 'good');
  const back = await service.request('POST', '/activate', { name: 'bad', version: 1 });
  t.match(await json(back), { name: 'bad', version: 1 });
  t.equal(await readValue('bad'), 'good');
  t.match(await rotate(['bad']), { rotated: [{ name: 'bad', version: 3 }] }, 'no number is used twice');
});

t.test('a version that a person supplied outlives its grace, a generated one does not', async t => {
  await create('graceless', { value: 'supplied', rotation: { every: '90d', grace: 0 } });
  await rotate(['graceless']);
  await rotate(['graceless']);
  t.equal(await readValue('graceless?version=1'), 'supplied');
  t.equal((await service.request('GET', '/secret/graceless?version=2')).status, 404);
  const back = await service.request('POST', '/activate', { name: 'graceless', version: 2 });
  t.equal(back.status, 404, 'what is destroyed cannot be activated');
  t.match(await versions('graceless'), [
    { version: 1, state: 'superseded', generated: false, destroy_at: null },
    { version: 2, state: 'destroyed', generated: true, destroy_at: String },
    { version: 3, state: 'active', generated: true, deactivated_at: null, destroy_at: null },
  ]);
});

t.test('a generated version is readable until its grace is over', async t => {
  await create('graceful', { value: 'v', rotation: { every: '90d', grace: '2h' } });
  await rotate(['graceful']);
  const generated = await readValue('graceful');
  await rotate(['graceful']);
  t.equal(await readValue('graceful?version=2'), generated);
  const [, second] = await versions('graceful');
  t.equal(hours(second?.['deactivated_at'], second?.['destroy_at']), 2);
});

t.test('the rule says when rotation is due; a change keeps, replaces or removes it', async t => {
  await create('ruled', { value: 'v', rotation: { every: '12h', generator: 'uuid' } });
  const due = async () => {
    const facts = await json(await service.request('GET', '/secret/ruled'));
    return hours(facts['created_at'], facts['expires_at']);
  };
  t.equal(await due(), 12);
  await put('ruled', { value: 'v2' });
  t.equal(await due(), 12, 'kept');
  await put('ruled', { value: 'v3', rotation: { every: 3600, generator: 'hex' } });
  t.equal(await due(), 1, 'replaced');
  await put('ruled', { value: 'v4', rotation: null });
  t.equal(await due(), 90 * 24, 'removed');
  const listed = await json(await service.request('GET', '/secrets?prefix=ruled'));
  t.match(listed, { secrets: [{ name: 'ruled', is_expired: false }], next_cursor: null });
});

t.test('the generator is the request’s, else the secret’s own, else 32 random bytes', async t => {
  await create('plain', { value: 'v' });
  await create('own', { value: 'v', rotation: { every: '1d', generator: { type: 'hex', length: 8 } } });
  const answer = await rotate(['plain', 'own']);
  t.same(answer, {
    rotated_count: 2,
    rotated: [
      { name: 'plain', version: 2 },
      { name: 'own', version: 2 },
    ],
  });
  t.match(await readValue('plain'), /^[A-Za-z0-9+/]{43}=$/);
  t.match(await readValue('own'), /^[0-9a-f]{16}$/);
  await rotate(['own'], 'uuid');
  t.match(await readValue('own'), /^[0-9a-f-]{36}$/);
});

t.test('a rotation keeps metadata and makes the tag stale', async t => {
  await create('tagged', { value: 'v', metadata: { owner: 'web' } });
  const has = { 'if-none-match': '"1"' };
  t.equal((await service.request('GET', '/secret/tagged', undefined, has)).status, 304);
  await rotate(['tagged']);
  const answer = await service.request('GET', '/secret/tagged', undefined, has);
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('etag'), '"2"');
  t.match(await json(answer), { metadata: { owner: 'web' } });
});

// No teardown: a test's folder is gone before it.
t.test('the service stops', () => service.stop());

async function create(name: string, input: Record<string, unknown>): Promise<void> {
  const { status } = await service.request('POST', '/secret', { name, ...input });
  if (status !== 201) throw new Error(`${name} was not created: ${status}`);
}

async function put(name: string, input: Record<string, unknown>): Promise<void> {
  const { status } = await service.request('PUT', `/secret/${name}`, input);
  if (status !== 200) throw new Error(`${name} was not changed: ${status}`);
}

async function rotate(names: readonly string[], generator?: string): Promise<Record<string, unknown>> {
  return await json(await service.request('POST', '/rotate', { names, generator }));
}

async function readValue(path: string): Promise<unknown> {
  return (await json(await service.request('GET', `/secret/${path}`)))['value'];
}

async function versions(name: string): Promise<Record<string, unknown>[]> {
  const answer = await json(await service.request('GET', `/versions/${name}`));
  return answer['versions'] as Record<string, unknown>[];
}

async function json(answer: Response): Promise<Record<string, unknown>> {
  return (await answer.json()) as Record<string, unknown>;
}

function hours(from: unknown, to: unknown): number {
  return (Date.parse(String(to)) - Date.parse(String(from))) / 3_600_000;
}
