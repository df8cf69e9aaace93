/** Every condition of RFC 9110 §13 on every operation that is about one secret: false is 412 and changes nothing. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { filesIn, install, readAudit } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const installation = await install(t.testdir());
const service = await startInProcess(installation);

type Headers = Readonly<Record<string, string>>;
type State = 'live' | 'deleted' | 'absent' | 'staged';

interface Operation {
  /** The states in which it succeeds without a condition. */
  readonly states: readonly State[];
  readonly ask: (name: string, headers: Headers) => Promise<Response>;
}

const operations: Readonly<Record<string, Operation>> = {
  'POST /secret': {
    states: ['absent'],
    ask: (name, headers) => service.request('POST', '/secret', { name, value: 'new' }, headers),
  },
  PUT: {
    states: ['live', 'absent', 'staged'],
    ask: (name, headers) => service.request('PUT', `/secret/${name}`, { value: 'new' }, headers),
  },
  'PUT that stages': {
    states: ['live', 'absent', 'staged'],
    ask: (name, headers) =>
      service.request('PUT', `/secret/${name}`, { value: 'new', activate: false }, headers),
  },
  'POST /activate': {
    states: ['live', 'staged'],
    ask: (name, headers) => service.request('POST', '/activate', { name, version: 1 }, headers),
  },
  'POST /rotate': {
    states: ['live', 'staged'],
    ask: (name, headers) => service.request('POST', '/rotate', { names: [name] }, headers),
  },
  'POST /undelete': {
    states: ['deleted'],
    ask: (name, headers) => service.request('POST', '/undelete', { name }, headers),
  },
  DELETE: {
    states: ['live', 'staged'],
    ask: (name, headers) => service.request('DELETE', `/secret/${name}`, undefined, headers),
  },
  purge: {
    states: ['live', 'deleted', 'staged'],
    ask: (name, headers) => service.request('DELETE', `/secret/${name}?purge=true`, undefined, headers),
  },
};

/** Whether each condition is true of a secret whose active version is 2, of one that was deleted then, and of none. */
const conditions: readonly (readonly [Headers, Readonly<Record<State, boolean>>])[] = [
  [{ 'if-match': '"2"' }, { live: true, deleted: true, absent: false, staged: false }],
  [{ 'if-match': '"99"' }, { live: false, deleted: false, absent: false, staged: false }],
  [{ 'if-match': '"99", "2"' }, { live: true, deleted: true, absent: false, staged: false }],
  [{ 'if-match': '"a,b" ,, "2"' }, { live: true, deleted: true, absent: false, staged: false }],
  [{ 'if-match': 'W/"2"' }, { live: false, deleted: false, absent: false, staged: false }],
  [{ 'if-match': '*' }, { live: true, deleted: false, absent: false, staged: true }],
  [{ 'if-none-match': '*' }, { live: false, deleted: true, absent: true, staged: false }],
  [{ 'if-none-match': '"2"' }, { live: false, deleted: false, absent: true, staged: true }],
  [{ 'if-none-match': 'W/"2"' }, { live: false, deleted: false, absent: true, staged: true }],
  [{ 'if-none-match': '"1", W/"3"' }, { live: true, deleted: true, absent: true, staged: true }],
  [
    { 'if-match': '"2"', 'if-none-match': '"1"' },
    { live: true, deleted: true, absent: false, staged: false },
  ],
  [
    { 'if-match': '"2"', 'if-none-match': '*' },
    { live: false, deleted: true, absent: false, staged: false },
  ],
  [
    { 'if-match': '"2"', 'if-unmodified-since': 'Sat, 29 Oct 1994 19:43:31 GMT' },
    { live: true, deleted: true, absent: false, staged: false },
  ],
];

let made = 0;

async function make(state: State): Promise<string> {
  const name = `c/${++made}`;
  if (state === 'absent') return name;
  if (state === 'staged') {
    await service.request('PUT', `/secret/${name}`, { value: 'v1', activate: false });
    return name;
  }
  for (const value of ['v1', 'v2']) await service.request('PUT', `/secret/${name}`, { value });
  if (state === 'deleted') await service.request('DELETE', `/secret/${name}`);
  return name;
}

async function stateOf(name: string): Promise<unknown> {
  const paths = [`/secret/${name}`, `/versions/${name}`];
  return await Promise.all(paths.map(async path => (await service.request('GET', path)).text()));
}

for (const [what, { states, ask }] of Object.entries(operations)) {
  t.test(`${what} honours each condition`, async t => {
    for (const state of states) {
      for (const [headers, isTrue] of conditions) await isHonoured(t, ask, state, headers, isTrue[state]);
    }
  });
}

async function isHonoured(t: Test, ask: Operation['ask'], state: State, headers: Headers, isTrue: boolean) {
  const about = `${state}, ${JSON.stringify(headers)}`;
  const name = await make(state);
  const before = await stateOf(name);
  const answer = await ask(name, headers);
  if (isTrue) return void t.ok(answer.ok, `${about}: ${answer.status}`);
  t.equal(answer.status, 412, about);
  t.equal(((await answer.json()) as { error: string }).error, 'version_mismatch');
  t.same(await stateOf(name), before, 'nothing changed');
}

t.test('GET asks If-Match first, and If-None-Match for 304', async t => {
  const name = await make('live');
  const get = async (headers: Headers, query = '') =>
    (await service.request('GET', `/secret/${name}${query}`, undefined, headers)).status;
  t.equal(await get({ 'if-match': '"2"' }), 200);
  t.equal(await get({ 'if-match': '*' }), 200);
  t.equal(await get({ 'if-match': '"1"' }), 412);
  t.equal(await get({ 'if-match': '"1"' }, '?version=1'), 200, 'the version that is read');
  t.equal(await get({ 'if-match': 'W/"2"' }), 412);
  t.equal(await get({ 'if-none-match': '*' }), 304);
  t.equal(await get({ 'if-none-match': '"1", W/"2"' }), 304);
  t.equal(await get({ 'if-none-match': '"1"' }), 200);
  t.equal(await get({ 'if-match': '"1"', 'if-none-match': '"2"' }), 412);
  t.equal(await get({ 'if-match': '"2"', 'if-none-match': '"2"' }), 304);
  const date = 'Sat, 29 Oct 1994 19:43:31 GMT';
  t.equal(await get({ 'if-none-match': '"1"', 'if-modified-since': date }), 200, 'the date gives way');
});

t.test('a range is answered with the whole', async t => {
  const name = await make('live');
  for (const headers of [{ range: 'bytes=0-3' }, { range: 'bytes=0-3', 'if-range': '"2"' }] as Headers[]) {
    const answer = await service.request('GET', `/secret/${name}`, undefined, headers);
    t.equal(answer.status, 200);
    t.equal(answer.headers.get('accept-ranges'), 'none');
    t.match(await answer.json(), { value: 'v2' });
  }
});

t.test('a request that fails without its condition fails in the same way with it', async t => {
  const wrong = { 'if-match': '"99"' };
  const live = await make('live');
  const [absent, deleted] = [await make('absent'), await make('deleted')];
  const status = async (operation: string, name: string, headers: Headers) =>
    (await operations[operation]?.ask(name, headers))?.status;
  for (const operation of ['POST /activate', 'POST /rotate', 'POST /undelete', 'DELETE', 'purge']) {
    t.equal(await status(operation, absent, wrong), 404, operation);
  }
  t.equal(await status('POST /secret', live, { 'if-none-match': '*' }), 409);
  t.equal(await status('PUT', deleted, wrong), 409);
  for (const operation of Object.keys(operations)) {
    const nobody = { ...wrong, 'x-jarvis-client': 'nobody' };
    t.equal(await status(operation, live, nobody), 403, operation);
    t.equal(await status(operation, live, { ...wrong, 'x-jarvis-client': '' }), 401, operation);
  }
});

t.test('what is no list of tags is refused, on reads and changes', async t => {
  const name = await make('live');
  for (const header of ['if-match', 'if-none-match']) {
    for (const text of ['', ' ', '2', '"2', '*, "2"', '"2" "3"', "'2'", 'w/"2"', ',']) {
      for (const [method, body] of [['GET'], ['PUT', { value: 'x' }], ['DELETE']] as const) {
        const answer = await service.request(method, `/secret/${name}`, body, { [header]: text });
        t.equal(answer.status, 400, `${method} with ${header}: ${text}`);
        t.match(await answer.json(), { error: 'bad_request', message: /double quotes/ });
      }
    }
  }
});

t.test('a condition is about one secret', async t => {
  const names = [await make('live'), await make('live')];
  for (const headers of [{ 'if-match': '"2"' }, { 'if-none-match': '"9"' }] as Headers[]) {
    const answer = await service.request('POST', '/rotate', { names }, headers);
    t.equal(answer.status, 400);
    t.match(await answer.json(), { error: 'not_supported' });
  }
});

t.test('of many changes with one condition, one happens', async t => {
  const name = await make('live');
  const changes = [
    ...Array.from({ length: 10 }, () => operations['PUT']),
    ...Array.from({ length: 10 }, () => operations['POST /rotate']),
  ].map(operation => operation?.ask(name, { 'if-match': '"2"' }));
  const statuses = (await Promise.all(changes)).map(answer => answer?.status);
  t.equal(statuses.filter(status => status === 200).length, 1);
  t.equal(statuses.filter(status => status === 412).length, 19);

  const fresh = await make('absent');
  const creations = Array.from({ length: 20 }, () => operations['PUT']?.ask(fresh, { 'if-none-match': '*' }));
  const created = (await Promise.all(creations)).map(answer => answer?.status);
  t.equal(created.filter(status => status === 201).length, 1);
  t.equal(created.filter(status => status === 412).length, 19);
});

t.test('a false condition is recorded as a failure', async t => {
  const name = await make('live');
  const answer = await service.request('DELETE', `/secret/${name}`, undefined, { 'if-match': '"1"' });
  const id = answer.headers.get('x-request-id');
  const files = filesIn(join(installation.folder, 'data/audit'));
  const lines = files.flatMap(file => readAudit(installation, file).trimEnd().split('\n'));
  const record = lines.map(line => JSON.parse(line)).find(({ request_id }) => request_id === id);
  t.match(record, { event: 'failure', action: 'delete', resource: name, outcome: 'version_mismatch' });
});

// No teardown: see test/together.ts.
t.test('the service stops', () => service.stop());
