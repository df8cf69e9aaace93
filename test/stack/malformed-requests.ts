import { requestBytes } from '../helpers/raw-http.ts';
import { mutate } from './mutation.ts';
import type { Random } from './random.ts';

type Choices = readonly [string, ...string[]];

const json = { 'content-type': 'application/json' };
const valid: readonly [Buffer, ...Buffer[]] = [
  requestBytes('GET', '/healthz', undefined),
  requestBytes('GET', '/readyz', undefined),
  requestBytes('GET', '/metrics', undefined),
  requestBytes('GET', '/openapi.json', undefined),
  requestBytes('POST', '/secret', '{"name":"app/b","value":"v","metadata":{"k":"m"}}'),
  requestBytes('GET', '/secret/app/a?version=1', undefined, { 'if-none-match': '"1"' }),
  requestBytes('PUT', '/secret/app/a', '{"value":"v2","activate":false}', { 'if-match': '"1", "2"' }),
  requestBytes(
    'PUT',
    '/secret/app/r',
    '{"value":"v","rotation":{"every":"90d","grace":"1d","generator":"hex"}}',
  ),
  requestBytes('POST', '/activate', '{"name":"app/a","version":1}'),
  requestBytes('DELETE', '/secret/app/b?purge=true', undefined),
  requestBytes('POST', '/undelete', '{"name":"app/b"}'),
  requestBytes('GET', '/secrets?prefix=app/&limit=10&cursor=', undefined),
  requestBytes('GET', '/versions/app/a', undefined),
  requestBytes('POST', '/rotate', '{"names":["app/a"],"generator":{"type":"hex","length":8}}'),
  Buffer.from(
    'POST /secret HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Jarvis-Client: admin\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n' +
      '10\r\n{"name":"app/c",\r\nc\r\n"value":"v"}\r\n0\r\n\r\n',
  ),
];

/** What means something in HTTP, URLs or JSON, or nearly does. */
const tokens: Choices = [
  ...([
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ': ',
    ',',
    ';',
    '%',
    '%00',
    '%2f',
    '%zz',
    '/',
    '//',
    '/../',
    '?',
    '#',
  ] as const),
  ...[
    '*',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    'null',
    '__proto__',
    '\\u0000',
    '\ud83d',
    '\x80',
    '\xff',
    '-1',
    '0x10',
    '1e999',
  ],
  ...[
    '99999999999999999999',
    'HTTP/1.1',
    'HTTP/1.0',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
  ],
  ...['Host: a\r\n', 'Expect: 100-continue\r\n', '0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n'],
];

const methods: Choices = [
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
  'QUERY',
  'get',
  'G\0T',
  '',
  'PRI',
];
const targets: Choices = [
  ...([
    '/healthz',
    '/metrics',
    '/secret',
    '/secrets',
    '/rotate',
    '/secret/app/a',
    '/versions/app/a',
    '/',
    '*',
    '',
  ] as const),
  ...[
    '//',
    '/secret//',
    '/secret/%2e%2e/app',
    '/secret/%00',
    '/secret/%ff',
    '/secret/app/a%',
    '/secret/..',
    '/SECRETS',
  ],
  ...[
    'http://127.0.0.1/secret/app/a',
    'http://rebound.example/secrets',
    'https://[::1/',
    '127.0.0.1:22',
    '/secrets?limit=1e9',
  ],
  ...[
    '/secrets?a[b]=c&a=1&a=2',
    '/secret/app/a?version=0x1',
    `/secret/${'n'.repeat(2000)}`,
    `/secrets?${'q=1&'.repeat(2000)}`,
  ],
  ...[
    '/secret/app/a HTTP/1.1 x',
    '/\xe9',
    '/secret/app/a#fragment',
    '/secrets?cursor=AAAA',
    '/secret/__proto__',
    '/%',
  ],
];
const versions: Choices = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/1.10',
  'http/1.1',
  'HTTP/',
  '',
];
const headers: Choices = [
  ...([
    'Host: 127.0.0.1',
    'Host: rebound.example',
    'Host:',
    'X-Jarvis-Client: admin',
    'X-Jarvis-Client: nobody',
  ] as const),
  ...[
    'X-Jarvis-Client: \xff',
    'Authorization: Bearer x',
    'Authorization: ',
    'Content-Length: 5',
    'Content-Length: -1',
  ],
  ...[
    'Content-Length: 5, 5',
    'Content-Length: +5',
    'Content-Length: 0x5',
    'Content-Length: 18446744073709551617',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: chunked, identity',
  ],
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:\x0bchunked',
    'Content-Type: application/json',
    'Content-Type: ;',
  ],
  ...['Content-Type: application/x-www-form-urlencoded', 'Content-Type: application/json; charset=utf-16'],
  ...[
    'Expect: 100-continue',
    'Expect: a-miracle',
    'Upgrade: websocket',
    'Connection: upgrade',
    'Connection: keep-alive',
  ],
  ...[
    'If-Match: "1"',
    'If-Match: W/"1"',
    'If-None-Match: *',
    'Origin: null',
    'Sec-Fetch-Site: cross-site',
    'Via: 1.1 p',
  ],
  ...[
    'Accept-Encoding: gzip;q=x',
    'Accept: application/openmetrics-text;q=1e9',
    ' folded: line',
    'no colon',
    ': no name',
  ],
  ...[
    'X A: space',
    'X-Null: \0',
    `X-Long: ${'x'.repeat(5000)}`,
    `X-Longer: ${'x'.repeat(17_000)}`,
    '__proto__: x',
  ],
];
const bodies: Choices = [
  ...(['', '', '{}', '{"name":"app/d","value":"v"}', '{"name":5}', '[', 'null', '{"__proto__":{}}'] as const),
  ...[
    '5\r\n{"a":\r\n',
    'zz\r\n\r\n',
    '-1\r\nx\r\n',
    'fffffffffffffffff\r\nx',
    '0\r\nTrailer: x\r\n\r\n',
    '1;ext=\xff\r\nx\r\n0\r\n\r\n',
  ],
  ...[
    '['.repeat(60_000),
    '{"a":'.repeat(20_000),
    '\xc3\x28',
    '\xef\xbb\xbf{}',
    '{"names":["app/a","app/a"]}',
  ],
  ...[
    `{"names":[${'"a",'.repeat(10_000)}"a"]}`,
    '{"name":"a","value":"\\ud800"}',
    `"${'x'.repeat(140_000)}"`,
  ],
];

/**
 * One request that is wrong somewhere, or right by chance: a valid one damaged, all over or in its body alone, or one
 * put together from odd parts.
 */
export function malformedRequest(random: Random): Buffer {
  if (random.chance(0.25)) return withDamagedBody(random.pick(valid), random);
  if (random.chance(0.5)) return mutate(random.pick(valid), random, tokens);
  const composed = composedRequest(random);
  return random.chance(0.2) ? mutate(composed, random, tokens) : composed;
}

/** The head stays right, so that the damage gets past the parser of HTTP. */
function withDamagedBody(request: Buffer, random: Random): Buffer {
  const end = request.indexOf('\r\n\r\n') + 4;
  const body = mutate(request.subarray(end), random, tokens);
  const head = request.subarray(0, end).toString('latin1');
  const length = `content-length: ${body.length}\r\n`;
  const framed = /^content-length/im.test(head)
    ? head.replace(/content-length: \d+\r\n/i, length)
    : head.replace(/transfer-encoding: chunked\r\n|(?=\r\n\r\n$)/i, match =>
        match === '' ? `\r\n${length.trim()}` : length,
      );
  return Buffer.concat([Buffer.from(framed, 'latin1'), body]);
}

function composedRequest(random: Random): Buffer {
  const end = random.chance(0.9) ? '\r\n' : random.pick(['\n', '\r', '\r\n ']);
  const lines = [`${random.pick(methods)} ${random.pick(targets)} ${random.pick(versions)}`];
  if (random.chance(0.8)) lines.push('Host: 127.0.0.1');
  if (random.chance(0.7)) lines.push('X-Jarvis-Client: admin');
  for (let left = random.below(6); left > 0; left--) lines.push(random.pick(headers));
  const body = random.pick(bodies);
  if (random.chance(0.7))
    lines.push(`Content-Type: ${json['content-type']}`, `Content-Length: ${body.length}`);
  return Buffer.from(`${lines.join(end)}${end}${end}${body}`, 'latin1');
}
