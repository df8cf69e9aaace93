import { readFileSync } from 'node:fs';
import { request as httpRequest, METHODS } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { formatToken, newToken } from '../../src/vault/token-format.ts';
import { install, writePolicy } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

/** What each role may do with `m/…`; and `outsider`, who may do everything elsewhere. */
const roles: Readonly<Record<string, readonly string[]>> = {
  reader: ['read m/*'],
  lister: ['list m/*'],
  creator: ['create m/*'],
  updater: ['update m/*'],
  writer: ['create m/*', 'update m/*'],
  deleter: ['delete m/*'],
  rotator: ['rotate m/*'],
  purger: ['purge m/*'],
  registrar: ['admin tokens/*'],
  outsider: ['elsewhere/*'],
};
const everything = ['*', 'purge *', 'admin *'];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

type Headers = Readonly<Record<string, string>>;

/** One thing to ask for, on a secret of its own that `prepare` made. */
interface Operation {
  /** All of them must be allowed. */
  readonly needs: readonly string[];
  readonly success: number;
  /** Whether the secret is there, deleted or has yet to be made. */
  readonly secret?: 'live' | 'deleted' | 'absent';
  readonly ask: (name: string, tokenId: string) => readonly [path: string, body?: object];
}

/** Every operation of the OpenAPI document, variants that need other rights among them. */
const operations: Readonly<Record<string, readonly Operation[]>> = {
  'POST /secret': [
    {
      needs: ['create'],
      success: 201,
      secret: 'absent',
      ask: name => ['/secret', { name, value: newToken() }],
    },
  ],
  'GET /secret/{name}': [{ needs: ['read'], success: 200, ask: name => [`/secret/${name}`] }],
  'PUT /secret/{name}': [
    { needs: ['update'], success: 200, ask: name => [`/secret/${name}`, { value: newToken() }] },
    {
      needs: ['update', 'create'],
      success: 201,
      secret: 'absent',
      ask: name => [`/secret/${name}`, { value: newToken() }],
    },
  ],
  'DELETE /secret/{name}': [
    { needs: ['delete'], success: 204, ask: name => [`/secret/${name}`] },
    { needs: ['purge'], success: 204, ask: name => [`/secret/${name}?purge=true`] },
  ],
  'POST /activate': [{ needs: ['update'], success: 200, ask: name => ['/activate', { name, version: 1 }] }],
  'POST /undelete': [
    { needs: ['update'], success: 200, secret: 'deleted', ask: name => ['/undelete', { name }] },
  ],
  'POST /rotate': [{ needs: ['rotate'], success: 200, ask: name => ['/rotate', { names: [name] }] }],
  'GET /versions/{name}': [{ needs: ['list'], success: 200, ask: name => [`/versions/${name}`] }],
  // A list shows what the caller may list; whoever may list something, anywhere, may ask.
  'GET /secrets': [{ needs: ['list'], success: 200, ask: () => ['/secrets?prefix=m/'] }],
  'POST /tokens': [{ needs: ['admin'], success: 201, ask: () => ['/tokens', { client: 'reader' }] }],
  'GET /tokens': [{ needs: ['admin'], success: 200, ask: () => ['/tokens'] }],
  'DELETE /tokens/{id}': [{ needs: ['admin'], success: 204, ask: (_, id) => [`/tokens/${id}`] }],
};

const withoutIdentity = ['/healthz', '/metrics', '/openapi.json', '/readyz'].flatMap(path => [
  `GET ${path}`,
  `HEAD ${path}`,
]);

const installation = await install(t.testdir(), { JARVIS_SECRETSD_SECURITY_IDENTITY: 'token' });
const rules = Object.entries({ admin: everything, ...roles }).map(
  ([client, allow]) => `  ${client}: {allow: ${JSON.stringify(allow)}}`,
);
writePolicy(installation, `clients:\n${rules.join('\n')}\n`);
const service = await startInProcess(installation);
const bootstrap = readFileSync(join(installation.folder, 'keys/bootstrap.token'), 'latin1').trim();

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

/** With node:http, since fetch refuses several methods. */
async function send(method: string, path: string, headers: Headers, body?: object): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const payload = body === undefined ? '' : JSON.stringify(body);
  const content: Headers =
    body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) };
  httpRequest(service.url + path, { method, headers: { ...headers, ...content } })
    .on('response', async answer =>
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) }),
    )
    .on('error', reject)
    .end(payload);
  return await promise;
}

async function issue(by: Headers, request: object): Promise<{ id: string; token: string }> {
  const { status, body } = await send('POST', '/tokens', by, request);
  if (status !== 201) throw new Error(body);
  return JSON.parse(body);
}

// Before the administrator, whose token ends the bootstrap token.
const bootstrapListsTokens = await send('GET', '/tokens', bearer(bootstrap));
const bootstrapListsSecrets = await send('GET', '/secrets', bearer(bootstrap));
const admin = bearer((await issue(bearer(bootstrap), { client: 'admin' })).token);

const shortLived = await issue(admin, { client: 'admin', expires_in: '1s' });
const expired = setTimeout(1100);
const revoked = await issue(admin, { client: 'admin' });
await send('DELETE', `/tokens/${revoked.id}`, admin);
const elsewhere = await issue(admin, { client: 'admin', source_networks: ['192.0.2.0/24'] });

/** Who is not known, each for a reason of its own. */
const strangers: Readonly<Record<string, Headers>> = {
  nobody: {},
  'a header alone': { 'x-jarvis-client': 'admin' },
  'another scheme': { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
  'no token': bearer('admin'),
  'a wrong checksum': bearer(`${newToken().slice(0, -6)}000000`),
  'an unknown token': bearer(formatToken(Buffer.alloc(32))),
  'an expired token': bearer(shortLived.token),
  'a revoked token': bearer(revoked.token),
  'a token from another network': bearer(elsewhere.token),
  'the bootstrap token, which has made an administrator': bearer(bootstrap),
};
const members: Record<string, Headers> = { admin };
for (const client of Object.keys(roles)) members[client] = bearer((await issue(admin, { client })).token);
await expired;

const document = JSON.parse((await send('GET', '/openapi.json', {})).body) as {
  paths: Record<string, Record<string, unknown>>;
};
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
);

/** What a change would show in: every secret with its versions, every token. */
async function state(name: string): Promise<unknown> {
  const answers = await Promise.all(
    ['/secrets?prefix=m/&limit=1000', `/versions/${name}`, '/tokens?limit=1000'].map(path =>
      send('GET', path, admin),
    ),
  );
  return answers.map(({ body }) => body.replace(/"last_used_at":("[^"]*"|null)/g, ''));
}

let prepared = 0;

async function prepare(secret: Operation['secret']): Promise<{ name: string; tokenId: string }> {
  const name = `m/${++prepared}`;
  if (secret !== 'absent') await send('POST', '/secret', admin, { name, value: newToken() });
  if (secret === 'deleted') await send('DELETE', `/secret/${name}`, admin);
  return { name, tokenId: (await issue(admin, { client: 'outsider' })).id };
}

function isGranted(client: string, needs: readonly string[]): boolean {
  return client === 'admin' || needs.every(need => roles[client]?.some(rule => rule.startsWith(`${need} `)));
}

t.test('the matrix has every operation of the OpenAPI document', async t => {
  t.same([...Object.keys(operations), ...withoutIdentity].toSorted(), described.toSorted());
});

t.test('the bootstrap token manages tokens, and nothing else', async t => {
  t.equal(bootstrapListsTokens.status, 200);
  t.equal(bootstrapListsSecrets.status, 403);
});

t.test('who is not known gets 401, and changes nothing', async t => {
  for (const [operation, variants] of Object.entries(operations)) {
    for (const { ask, secret } of variants) {
      const { name, tokenId } = await prepare(secret);
      const before = await state(name);
      for (const [who, headers] of Object.entries(strangers)) {
        const [path, body] = ask(name, tokenId);
        const answer = await send(operation.split(' ')[0] ?? '', path, headers, body);
        t.equal(answer.status, 401, `${operation} by ${who}`);
        t.match(answer.headers['www-authenticate'], /^Bearer/);
        t.equal(JSON.parse(answer.body).error, 'unauthenticated');
      }
      t.same(await state(name), before, `${operation}: nothing changed`);
    }
  }
});

t.test('a role gets what its rules grant, 403 for the rest, and changes nothing with that', async t => {
  for (const [operation, variants] of Object.entries(operations)) {
    const [method = ''] = operation.split(' ');
    for (const { needs, success, ask, secret } of variants) {
      // `outsider` may list, though nothing here.
      const isAllowed = (who: string) =>
        isGranted(who, needs) || (who === 'outsider' && operation === 'GET /secrets');
      const { name, tokenId } = await prepare(secret);
      const before = await state(name);
      for (const who of Object.keys(members).filter(member => !isAllowed(member))) {
        const [path, body] = ask(name, tokenId);
        const answer = await send(method, path, members[who] ?? {}, body);
        t.equal(answer.status, 403, `${operation} (${needs.join(', ')}) by ${who}`);
        t.equal(JSON.parse(answer.body).error, 'not_authorized');
      }
      t.same(await state(name), before, `${operation}: nothing changed`);
      for (const who of Object.keys(members).filter(isAllowed)) {
        const own = await prepare(secret);
        const [path, body] = ask(own.name, own.tokenId);
        const answer = await send(method, path, members[who] ?? {}, body);
        t.equal(answer.status, success, `${operation} by ${who}`);
      }
    }
  }
});

t.test('probes and the description need no identity', async t => {
  for (const [who, headers] of Object.entries({ ...strangers, ...members })) {
    for (const operation of withoutIdentity) {
      const [method = '', path = ''] = operation.split(' ');
      t.equal((await send(method, path, headers)).status, 200, `${operation} by ${who}`);
    }
  }
});

t.test('every other method is 405 with Allow, whoever asks', async t => {
  const identities = { nobody: {}, admin, revoked: bearer(revoked.token) };
  for (const [template, methods] of Object.entries(document.paths)) {
    const known = Object.keys(methods).map(method => method.toUpperCase());
    const path = template.replace(/\{\w+\}/, 'm');
    // CONNECT asks for a tunnel, not for a path.
    for (const method of METHODS.filter(each => !known.includes(each) && each !== 'CONNECT')) {
      for (const [who, headers] of Object.entries(identities)) {
        // QUERY is not heard without a body.
        const answer = await send(method, path, headers, method === 'QUERY' ? {} : undefined);
        t.equal(answer.status, 405, `${method} ${template} by ${who}`);
        t.same(String(answer.headers['allow']).split(', ').toSorted(), known.toSorted());
      }
    }
  }
});

// No teardown: a test's folder is gone before it.
t.test('the service stops', () => service.stop());
