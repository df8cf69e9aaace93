/** What a request asks for beside its operation: honoured, or refused with a code; never ignored but where a standard says so. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { unsupportedHeaders } from '../../src/http/request-options.ts';
import { ask } from '../helpers/raw-connection.ts';
import { requestBytes } from '../helpers/raw-http.ts';
import { checkout, install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

const service = await startInProcess(await install(t.testdir()));
await service.request('PUT', '/secret/kept', { value: 'v1' });
await service.request('PUT', '/secret/gone', { value: 'v1' });
await service.request('DELETE', '/secret/gone');
const issued = await service.request('POST', '/tokens', { client: 'admin' });
const { id } = (await issued.json()) as { id: string };

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { parameters?: { name: string }[] }>>>>;
}

const description = (await (await service.request('GET', '/openapi.json')).json()) as Description;
const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map(method => ({ method: method.toUpperCase(), path })),
);

/** A body with which each operation succeeds. */
const bodies: Readonly<Record<string, object>> = {
  'POST /secret': { name: 'new', value: 'v' },
  'PUT /secret/{name}': { value: 'v2' },
  'POST /activate': { name: 'kept', version: 1 },
  'POST /undelete': { name: 'gone' },
  'POST /rotate': { names: ['kept'] },
  'POST /tokens': { client: 'admin' },
};
const withoutIdentity = ['/healthz', '/readyz', '/metrics', '/openapi.json'];

function send({ method, path }: (typeof operations)[number], headers: Record<string, string>, query = '') {
  const target = path.replace('{name}', 'kept').replace('{id}', id) + query;
  return service.request(method, target, bodies[`${method} ${path}`], headers);
}

async function everything(): Promise<string[]> {
  const paths = ['/secrets', '/versions/kept', '/secret/gone', '/tokens'];
  return await Promise.all(paths.map(async path => (await service.request('GET', path)).text()));
}

const before = await everything();

t.test('a header that asks for what is not offered is refused by every operation', async t => {
  for (const header of unsupportedHeaders) {
    for (const operation of operations) {
      const answer = await send(operation, { [header]: '1' });
      t.equal(answer.status, 400, `${operation.method} ${operation.path} with ${header}`);
      if (operation.method !== 'HEAD') t.match(await answer.json(), { error: 'not_supported' });
    }
  }
  t.same(await everything(), before, 'nothing changed');
});

t.test('docs/API.md names each of these headers', async t => {
  const text = readFileSync(join(checkout, 'docs/API.md'), 'utf8');
  const [, section = ''] = text.split('\n## Options\n');
  const rows = section.split('\n').filter(row => row.includes('| refused'));
  const named = rows.flatMap(row => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)]);
  t.same(named.map(([, name = '']) => name.toLowerCase()).toSorted(), unsupportedHeaders.toSorted());
});

t.test('a condition that a path cannot honour is refused', async t => {
  const date = 'Sat, 29 Oct 1994 19:43:31 GMT';
  for (const operation of operations) {
    const { method, path } = operation;
    const isAboutOneSecret = /secret(\/|$)|activate|undelete|rotate/.test(path);
    const refused: Record<string, string>[] = [
      { 'if-modified-since': date },
      { 'if-unmodified-since': date },
      { if: '(<urn:uuid:1>)' },
      { 'if-schedule-tag-match': '"1"' },
      ...(isAboutOneSecret ? [] : [{ 'if-match': '*' }, { 'if-none-match': '"1"' }]),
      ...(isAboutOneSecret ? [] : [{ 'if-none-match': '"1"', 'if-modified-since': date }]),
      ...(method === 'GET' || method === 'HEAD' ? [] : [{ 'if-range': '"1"' }]),
    ];
    for (const headers of refused) {
      const answer = await send(operation, headers);
      t.equal(answer.status, 400, `${method} ${path} with ${JSON.stringify(headers)}`);
      if (method !== 'HEAD') t.match(await answer.json(), { error: 'not_supported' });
    }
    const described = description.paths[path]?.[method.toLowerCase()]?.parameters ?? [];
    const conditions = described.map(({ name }) => name).filter(name => name.startsWith('If-'));
    t.same(
      conditions,
      isAboutOneSecret ? ['If-Match', 'If-None-Match'] : [],
      `${method} ${path} describes it`,
    );
  }
  t.same(await everything(), before, 'nothing changed');
});

t.test(
  'a query parameter that a path does not have is refused; probes and scrapes ignore the query',
  async t => {
    const ignoring = ['/healthz', '/readyz', '/metrics'];
    for (const operation of operations) {
      const answer = await send(operation, {}, '?cas=1');
      if (ignoring.includes(operation.path)) {
        t.equal(answer.status, 200, operation.path);
        continue;
      }
      t.equal(answer.status, 400, `${operation.method} ${operation.path}`);
      if (operation.method === 'HEAD') continue;
      t.match(await answer.json(), {
        error: 'bad_request',
        message: 'The query has an unknown parameter "cas".',
      });
    }
    t.same(await everything(), before, 'nothing changed');
  },
);

t.test('preferences that a standard lets a server leave out change nothing', async t => {
  const preferences = { prefer: 'respond-async, return=minimal', te: 'trailers, gzip', accept: 'text/html' };
  const answer = await service.request('GET', '/secret/kept', undefined, preferences);
  t.equal(answer.status, 200);
  t.match(await answer.json(), { value: 'v1' });
  t.equal((await service.request('GET', '/secrets', undefined, { 'x-vault-namespace': '' })).status, 200);
});

t.test('Content-Type without a body says nothing', async t => {
  const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'none'];
  for (const type of types) {
    for (const length of ['0', null]) {
      await service.request('PUT', '/secret/brief', { value: 'v' });
      const headers = { 'content-type': type, 'content-length': length };
      const requests = ['/secret/brief', '/secret/brief?purge=true'].map(target =>
        requestBytes('DELETE', target, undefined, headers),
      );
      for (const bytes of requests)
        t.equal((await ask(service.url, bytes)).status, 204, `${type}, ${length}`);
      t.equal((await ask(service.url, requestBytes('GET', '/secrets', undefined, headers))).status, 200);
    }
  }
  const chunked = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
  await service.request('PUT', '/secret/brief', { value: 'v' });
  const empty = Buffer.concat([
    requestBytes('DELETE', '/secret/brief', undefined, chunked),
    Buffer.from('0\r\n\r\n'),
  ]);
  t.equal((await ask(service.url, empty)).status, 204, 'an empty body in chunks');
});

t.test('a body where none belongs is refused; an empty object asks for nothing', async t => {
  for (const [method, target] of [
    ['DELETE', '/secret/kept'],
    ['DELETE', `/tokens/${id}`],
    ['GET', '/secrets'],
  ] as const) {
    const answer = await ask(service.url, requestBytes(method, target, '{"version":1}'));
    t.equal(answer.status, 400, `${method} ${target}`);
    t.match(JSON.parse(answer.body), { error: 'not_supported', message: `${method} takes no body` });
  }
  t.same(await everything(), before, 'nothing changed');
  await service.request('PUT', '/secret/empty', { value: 'v' });
  t.equal((await ask(service.url, requestBytes('DELETE', '/secret/empty', '{}'))).status, 204);
});

t.test('a body in a coding or an encoding that is not read is 415 with the reason', async t => {
  const json = '{"name":"coded","value":"v"}';
  for (const [encoding, body] of [
    ['gzip', gzipSync(json)],
    ['br', brotliCompressSync(json)],
    ['x-unknown', Buffer.from(json)],
  ] as const) {
    const headers = { 'content-encoding': encoding };
    const answer = await ask(service.url, requestBytes('POST', '/secret', body, headers));
    t.equal(answer.status, 415, encoding);
    t.equal(answer.headers.get('accept-encoding'), 'identity');
    t.match(JSON.parse(answer.body), { error: 'unsupported_media_type', message: /Content-Encoding/ });
  }
  for (const type of ['application/json; charset=latin1', 'application/json;charset="utf-16"']) {
    const answer = await ask(service.url, requestBytes('POST', '/secret', json, { 'content-type': type }));
    t.equal(answer.status, 415, type);
    t.match(JSON.parse(answer.body), { message: /UTF-8/ });
  }
  for (const type of ['text/plain', null]) {
    const answer = await ask(service.url, requestBytes('POST', '/secret', json, { 'content-type': type }));
    t.equal(answer.status, 415);
    t.match(JSON.parse(answer.body), { message: /send it with Content-Type: application\/json/ });
  }
  const framed = requestBytes('POST', '/secret', undefined, {
    'content-type': 'application/json',
    'transfer-encoding': 'gzip, chunked',
  });
  const refused = await ask(service.url, Buffer.concat([framed, Buffer.from('0\r\n\r\n')]));
  t.match(JSON.parse(refused.body), { error: 'not_supported', message: /Transfer-Encoding/ });

  const plain = { 'content-encoding': 'identity', 'content-type': 'application/json; charset=UTF-8' };
  t.equal((await ask(service.url, requestBytes('POST', '/secret', json, plain))).status, 201);
});

t.test('HEAD answers as GET does, without the body', async t => {
  for (const path of withoutIdentity) {
    const get = await service.request('GET', path);
    const head = await service.request('HEAD', path);
    t.equal(head.status, 200, path);
    t.equal(await head.text(), '');
    t.equal(head.headers.get('content-type'), get.headers.get('content-type'));
    const length = Number(head.headers.get('content-length'));
    if (path === '/openapi.json') t.equal(length, Buffer.byteLength(await get.text()));
    else t.ok(length > 20, `${path}: ${length}`);
  }
  const packed = await service.request('HEAD', '/metrics', undefined, { 'accept-encoding': 'gzip' });
  t.equal(packed.headers.get('content-encoding'), 'gzip');
});

// No teardown: see test/together.ts.
t.test('the service stops', () => service.stop());
