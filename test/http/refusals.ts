import type { ErrorCode } from '../../src/errors.ts';
import { type RawHeaders, requestBytes } from '../helpers/raw-http.ts';

/** A request that is refused; the vault holds `kept` (version 2) and `gone` (deleted). */
export interface Refusal {
  readonly what: string;
  readonly bytes: Buffer;
  readonly status: number;
  readonly error: ErrorCode;
}

const kibibyte = 1024;
/** Half an emoji: read carelessly, it becomes U+FFFD, which is as long. */
const notUtf8 = Buffer.concat([
  Buffer.from('{"name":"a","value":"'),
  Buffer.from([0xf0, 0x9f, 0x98]),
  Buffer.from('"}'),
]);
const form = { 'content-type': 'application/x-www-form-urlencoded' };

const bodies: readonly Refusal[] = [
  create('broken JSON', '{"name":"a",', 400, 'bad_request'),
  create('no body', undefined, 400, 'bad_request'),
  create('an empty body', '', 400, 'bad_request'),
  create('null', 'null', 400, 'bad_request'),
  create('an array', '[]', 400, 'bad_request'),
  create('a number for a name', { name: 5, value: 'v' }, 400, 'bad_request'),
  create('a number for a value', { name: 'a', value: 5 }, 400, 'bad_request'),
  create('null for a value', { name: 'a', value: null }, 400, 'bad_request'),
  create('no name', { value: 'v' }, 400, 'bad_request'),
  create('no value', { name: 'a' }, 400, 'bad_request'),
  create('an unknown field', { name: 'a', value: 'v', colour: 'red' }, 400, 'bad_request'),
  create('a number in metadata', { name: 'a', value: 'v', metadata: { k: 1 } }, 400, 'bad_request'),
  create(
    'a number in metadata under a key with a line break',
    { name: 'a', value: 'v', metadata: { 'k\n': 1 } },
    400,
    'bad_request',
  ),
  create(
    'an object in metadata under a line separator',
    { name: 'a', value: 'v', metadata: { '\u2028': {} } },
    400,
    'bad_request',
  ),
  create('a rotation without a period', { name: 'a', value: 'v', rotation: {} }, 400, 'bad_request'),
  create('a rotation of no unit', { name: 'a', value: 'v', rotation: { every: '9x' } }, 400, 'bad_request'),
  create('a __proto__ key', '{"name":"a","value":"v","__proto__":{}}', 400, 'bad_request'),
  create(
    'a __proto__ key deeper',
    '{"name":"a","value":"v","metadata":{"__proto__":"m"}}',
    400,
    'bad_request',
  ),
  create('an escaped __proto__', '{"name":"a","value":"v","\\u005f_proto__":{}}', 400, 'bad_request'),
  create('a __proto__ key in a form', '{"name":"a","value":"v","__proto__":{}}', 400, 'bad_request', form),
  create('deep JSON', `{"name":"a","value":${nested(50_000)}}`, 400, 'bad_request'),
  create('deep JSON in a form', `{"name":"a","value":${nested(50_000)}}`, 400, 'bad_request', form),
  create('a lone surrogate', '{"name":"a","value":"\\ud800"}', 400, 'bad_request'),
  create(
    'a lone surrogate in metadata',
    '{"name":"a","value":"v","metadata":{"k":"\\ud800"}}',
    400,
    'bad_request',
  ),
  create('bytes that are no UTF-8', notUtf8, 400, 'bad_request'),
  create('bytes that are no UTF-8 in a form', notUtf8, 400, 'bad_request', form),
  create('a value over 64 KiB', { name: 'a', value: 'v'.repeat(64 * kibibyte + 1) }, 413, 'too_large'),
  create(
    'a value over 64 KiB in UTF-8',
    { name: 'a', value: 'é'.repeat(32 * kibibyte + 1) },
    413,
    'too_large',
  ),
  create('metadata over 4 KiB', metadataOf(4 * kibibyte), 413, 'too_large'),
  create('a body over 128 KiB', 'x'.repeat(128 * kibibyte + 1), 413, 'too_large'),
  create('plain text', '{"name":"a","value":"v"}', 415, 'unsupported_media_type', {
    'content-type': 'text/plain',
  }),
  create('no content type', '{"name":"a","value":"v"}', 415, 'unsupported_media_type', {
    'content-type': null,
  }),
  create('a form', 'name=a&value=v', 415, 'unsupported_media_type', form),
  create('JSON in a form by nobody', '{"name":"a","value":"v"}', 401, 'unauthenticated', {
    ...form,
    'x-jarvis-client': null,
  }),
];

const names: readonly Refusal[] = [
  ...['', 'n'.repeat(257), '..', '.', 'a/../b', 'a//b', '/a', 'a/', 'a b', 'a\n', 'a\u0000', 'é'].map(name =>
    create(`the name ${JSON.stringify(name.slice(0, 8))}`, { name, value: 'v' }, 400, 'bad_request'),
  ),
  ...['%2e%2e', 'kept%00', 'kept/', 'kept%2f', '', '..', '%0a', 'n'.repeat(257), '%zz', '%c3'].map(name =>
    refusal(`the path /secret/${name.slice(0, 8)}`, ['GET', `/secret/${name}`], 400, 'bad_request'),
  ),
  refusal(
    'an escaped dot segment to change',
    ['PUT', '/secret/a/%2e%2e/kept', { value: 'v' }],
    400,
    'bad_request',
  ),
  refusal('a path of 2,000 characters', ['GET', `/secret/${'n'.repeat(2000)}`], 400, 'bad_request'),
];

const identity: readonly Refusal[] = [
  read('no client', { 'x-jarvis-client': null }, 401, 'unauthenticated'),
  read('an empty client', { 'x-jarvis-client': '' }, 401, 'unauthenticated'),
  read('a client that is no name', { 'x-jarvis-client': 'a b' }, 401, 'unauthenticated'),
  read('an unknown client', { 'x-jarvis-client': 'nobody' }, 403, 'not_authorized'),
  read('the client twice', { 'x-jarvis-client': ['nobody', 'admin'] }, 400, 'bad_request'),
  read('X-Forwarded-For', { 'x-forwarded-for': '10.0.0.1' }, 401, 'unauthenticated'),
  ...[
    'X-Real-IP',
    'X-Client-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'CF-Ray',
    'Fastly-Client-IP',
    'X-Cluster-Client-IP',
    'X-Envoy-External-Address',
    'X-Original-Forwarded-For',
    'X-Original-Host',
    'X-Forwarded',
    'Forwarded-For',
    'Via',
  ].map(name => read(name, { [name.toLowerCase()]: '10.0.0.1' }, 401, 'unauthenticated')),
  read('X-Forwarded-Port', { 'x-forwarded-port': '443' }, 401, 'unauthenticated'),
  read('Forwarded', { forwarded: 'for=10.0.0.1' }, 401, 'unauthenticated'),
  read('an unknown Host', { host: 'rebound.example' }, 421, 'misdirected_request'),
  refusal(
    'read: a target on an unknown host',
    ['GET', 'http://rebound.example/secret/kept'],
    421,
    'misdirected_request',
  ),
  read('Host twice', { host: ['127.0.0.1', 'rebound.example'] }, 400, 'bad_request'),
  read('no Host', { host: null }, 400, 'bad_request'),
  read('a foreign Origin', { origin: 'https://foreign.example' }, 403, 'not_authorized'),
  read('a null Origin', { origin: 'null' }, 403, 'not_authorized'),
  read('another site', { 'sec-fetch-site': 'cross-site' }, 403, 'not_authorized'),
];

const routes: readonly Refusal[] = [
  refusal('an unknown route', ['GET', '/nothing'], 404, 'not_found'),
  refusal('an unknown method there', ['POST', '/nothing', {}], 404, 'not_found'),
  refusal('a trailing slash', ['GET', '/secrets/'], 404, 'not_found'),
  refusal('PATCH', ['PATCH', '/secret/kept', { value: 'v' }], 405, 'method_not_allowed'),
  refusal('HEAD', ['HEAD', '/secret/kept'], 405, 'method_not_allowed'),
  refusal('TRACE', ['TRACE', '/secret/kept'], 405, 'method_not_allowed'),
  refusal('GET /secret', ['GET', '/secret'], 405, 'method_not_allowed'),
  refusal('CONNECT', ['CONNECT', '127.0.0.1:22'], 405, 'method_not_allowed'),
  refusal('Expect', ['POST', '/secret', {}, { expect: 'a-miracle' }], 417, 'expectation_failed'),
  refusal(
    'headers over 16 KiB',
    ['GET', '/secrets', undefined, { 'x-long': 'x'.repeat(17_000) }],
    431,
    'headers_too_large',
  ),
  ...['0', '1001', '-1', '1.5', '', 'all', '10&limit=20'].map(limit =>
    refusal(`limit=${limit}`, ['GET', `/secrets?limit=${limit}`], 400, 'bad_request'),
  ),
  refusal('a cursor of ours it is not', ['GET', '/secrets?cursor=garbage'], 400, 'bad_request'),
  refusal('an empty cursor', ['GET', '/secrets?cursor='], 400, 'bad_request'),
  refusal('a prefix that is no name', ['GET', '/secrets?prefix=%00'], 400, 'bad_request'),
  refusal('an unknown query key', ['GET', '/secrets?colour=red'], 400, 'bad_request'),
  ...['abc', '0', '-1', '1e3', '', '9999999999999999'].map(version =>
    refusal(`version=${version}`, ['GET', `/secret/kept?version=${version}`], 400, 'bad_request'),
  ),
  refusal('purge=yes', ['DELETE', '/secret/kept?purge=yes'], 400, 'bad_request'),
];

const states: readonly Refusal[] = [
  create('a name that is taken', { name: 'kept', value: 'v' }, 409, 'conflict'),
  create('a name that is deleted', { name: 'gone', value: 'v' }, 409, 'deleted'),
  refusal(
    'a stale If-Match',
    ['PUT', '/secret/kept', { value: 'v' }, { 'if-match': '"1"' }],
    412,
    'version_mismatch',
  ),
  refusal(
    'If-Match: * on nothing',
    ['PUT', '/secret/none', { value: 'v' }, { 'if-match': '*' }],
    412,
    'version_mismatch',
  ),
  refusal(
    'If-Match without quotes',
    ['PUT', '/secret/kept', { value: 'v' }, { 'if-match': '2' }],
    400,
    'bad_request',
  ),
  refusal(
    'an empty If-Match',
    ['PUT', '/secret/kept', { value: 'v' }, { 'if-match': '' }],
    400,
    'bad_request',
  ),
  refusal('a version that is not there', ['GET', '/secret/kept?version=99'], 404, 'not_found'),
  refusal('deleting nothing', ['DELETE', '/secret/none'], 404, 'not_found'),
  refusal('undeleting what is not deleted', ['POST', '/undelete', { name: 'none' }], 404, 'not_found'),
  refusal(
    'activating what is not there',
    ['POST', '/activate', { name: 'kept', version: 99 }],
    404,
    'not_found',
  ),
  refusal('activating no number', ['POST', '/activate', { name: 'kept', version: '1' }], 400, 'bad_request'),
  refusal(
    'rotating one that is not there',
    ['POST', '/rotate', { names: ['kept', 'none'] }],
    404,
    'not_found',
  ),
  refusal('rotating none', ['POST', '/rotate', { names: [] }], 400, 'bad_request'),
  refusal('rotating 101', ['POST', '/rotate', { names: Array(101).fill('kept') }], 400, 'bad_request'),
  refusal(
    'an unknown generator',
    ['POST', '/rotate', { names: ['kept'], generator: 'dice' }],
    400,
    'bad_request',
  ),
];

const malformed: readonly Refusal[] = [
  raw('no request line', 'NONSENSE\r\n\r\n'),
  raw('an unknown method', 'FETCH / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  raw('an unknown protocol', 'GET / HTTQ/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  raw('a space in the target', 'GET /secret/a b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  raw('a control character in a header', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: \u0001\r\n\r\n'),
  raw(
    'a body framed twice',
    'POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
];

export const refusals: Readonly<Record<string, readonly Refusal[]>> = {
  bodies,
  names,
  identities: identity,
  'routes and queries': routes,
  'requests for the state': states,
  'framing of HTTP': malformed,
};

type Request = readonly [method: string, target: string, body?: unknown, headers?: RawHeaders | undefined];

function refusal(what: string, request: Request, status: number, error: ErrorCode): Refusal {
  const [method, target, body, headers] = request;
  const asIs = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const sent = asIs ? body : JSON.stringify(body);
  return { what, bytes: requestBytes(method, target, sent, headers), status, error };
}

function create(
  what: string,
  body: unknown,
  status: number,
  error: ErrorCode,
  headers?: RawHeaders,
): Refusal {
  return refusal(`create: ${what}`, ['POST', '/secret', body, headers], status, error);
}

function read(what: string, headers: RawHeaders, status: number, error: ErrorCode): Refusal {
  return refusal(`read: ${what}`, ['GET', '/secret/kept', undefined, headers], status, error);
}

function raw(what: string, bytes: string): Refusal {
  return { what, bytes: Buffer.from(bytes), status: 400, error: 'bad_request' };
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

function metadataOf(bytes: number): unknown {
  return { name: 'a', value: 'v', metadata: { key: 'm'.repeat(bytes) } };
}
