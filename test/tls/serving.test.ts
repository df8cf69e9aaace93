import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createAuthority, loopback, type Pair } from '../helpers/certificates.ts';
import { type Installation, install, startService, waitFor } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';
import { TlsClient } from '../helpers/tls-client.ts';
import { incrementsOf, refused, succeeded } from '../metrics/contract.ts';

const authority = await createAuthority('servers');
const stranger = await createAuthority('strangers');
const first = await authority.issue(loopback);
const second = await authority.issue({ ...loopback, days: 3 });
const admin = { 'x-jarvis-client': 'admin', 'content-type': 'application/json' };

const installation = await installTls(t, first);
const service = await startService(installation);
const client = new TlsClient(installation.port, authority.certificate);

t.test('the API speaks HTTPS, and says so', async t => {
  t.equal((await client.request('/healthz')).status, 200);
  t.match(service.output(), `"address":"https://127.0.0.1:${installation.port}"`);
});

t.test('the fifteen count as they do without TLS', async t => {
  const body = JSON.stringify({ name: 'app/db', value: 'v' });
  t.same(
    await incrementsOf(client, () => client.request('/secret', { method: 'POST', headers: admin, body })),
    {
      ...succeeded,
      secrets_created_total: 1,
      secrets_total: 1,
      rbac_allowed_total: 1,
      encryption_ops_total: 1,
      audit_events_total: 2,
    },
  );
  t.same(await incrementsOf(client, () => client.request('/secret/app/db', { headers: admin })), {
    ...succeeded,
    secrets_retrieved_total: 1,
    rbac_allowed_total: 1,
    decryption_ops_total: 1,
    audit_events_total: 1,
  });
  t.same(
    await incrementsOf(client, () =>
      client.request('/secret/app/db', { headers: { 'x-jarvis-client': 'nobody' } }),
    ),
    { ...refused, rbac_denied_total: 1, audit_events_total: 1 },
  );
});

const host = 'Host: localhost\r\n';
const malformed: Record<string, readonly [bytes: string, status: number]> = {
  garbage: ['garbage\r\n\r\n', 400],
  'no Host': ['GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  'a bad escape': [`GET /%zz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`, 400],
  'headers past the limit': [`GET / HTTP/1.1\r\n${host}Large: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  CONNECT: [`CONNECT a:1 HTTP/1.1\r\n${host}\r\n`, 405],
  'an unmet Expect': [`GET /healthz HTTP/1.1\r\n${host}Expect: a\r\nConnection: close\r\n\r\n`, 417],
};
for (const [what, [bytes, status]] of Object.entries(malformed)) {
  t.test(`${what} is answered in our shape, and counted`, async t => {
    t.same(
      await incrementsOf(client, async () => {
        const answer = await client.exchange(bytes);
        t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
        t.match(answer, /\r\n\r\n\{"error":"[a-z_]+","message":".+"\}\n$/);
      }),
      refused,
    );
  });
}

t.test('a client that ends its side after the request is answered', async t => {
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    const socket = await client.connect();
    socket.allowHalfOpen = true;
    socket.end(`GET ${path} HTTP/1.1\r\n${host}\r\n`);
    t.match(await text(socket), /^HTTP\/1\.1 200 OK/, path);
  }
});

t.test('plain HTTP is answered in plain words', async t => {
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'CONNECT']) {
    const answer = await plainExchange(`${method} / HTTP/1.1\r\n${host}\r\n`);
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, method);
    t.match(answer, /use https:\/\//);
  }
});

t.test('an aborted request is observed once', async t => {
  const abort = async () => {
    const transport = connect(installation.port, '127.0.0.1');
    const socket = await client.connect({ socket: transport });
    socket.write(
      `POST /secret HTTP/1.1\r\n${host}X-Jarvis-Client: admin\r\nContent-Type: application/json\r\n`,
    );
    socket.write('Content-Length: 10\r\n\r\n{');
    await client.request('/healthz');
    transport.resetAndDestroy();
    await once(transport, 'close');
  };
  const { http_requests_total, http_request_duration_seconds_count, http_requests_error } =
    await incrementsOf(client, abort);
  t.same(
    [http_requests_total, http_request_duration_seconds_count, http_requests_error],
    [2, 2, undefined],
    'with the probe that shows it under way',
  );
});

t.test('a handshake that fails harms nothing, and is no request', async t => {
  const failures = async () => (await client.scrape()).get('tls_handshake_failures_total') ?? 0;
  const before = await failures();
  const attempts: Record<string, () => Promise<unknown>> = {
    'plain HTTP': () => plainExchange(`GET /healthz HTTP/1.1\r\n${host}\r\n`),
    'bytes that are nothing': () => plainExchange('\x16\x03\x01garbage-and-more-of-it\r\n\r\n'),
    'an old TLS': () => t.rejects(client.connect({ maxVersion: 'TLSv1.2' })),
    'a client that does not trust us': () =>
      t.rejects(new TlsClient(installation.port, stranger.certificate).request('/healthz')),
  };
  for (const [what, attempt] of Object.entries(attempts)) {
    t.same(await incrementsOf(client, attempt), {}, what);
  }
  t.equal(await failures(), before + 4);
});

t.test('a certificate that changed is served; connections that stand live on', async t => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const onOneConnection = async () => (await client.request('/healthz', { agent })).status;
  t.equal(await onOneConnection(), 200);
  const standing = await client.connect();
  const ended = once(standing, 'close');

  writePair(installation, { certificate: second.certificate, key: first.key });
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('the certificate was not reloaded'));
  t.match(service.output(), /the key \S+server\.key does not belong to the certificate \S+server\.crt/);
  t.equal(await expiry(), expiryOf(await servedBy(client)), 'the old one is served on');
  t.equal((await client.scrape()).get('tls_reload_success'), 0);

  const before = await expiry();
  writePair(installation, second);
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('certificate reloaded'));
  t.not(await expiry(), before);
  t.equal(await expiry(), expiryOf(await servedBy(client)), 'the new one is served');
  t.equal((await client.scrape()).get('tls_reload_success'), 1);

  t.equal(await onOneConnection(), 200);
  standing.write(`GET /healthz HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
  t.match(await text(standing), /^HTTP\/1\.1 200 /, 'a connection from before');
  await ended;
});

t.test('a stop serves what was accepted, and does not wait for handshakes that never come', async t => {
  const own = await installTls(t, first);
  const stopping = await startInProcess(own);
  const ownClient = new TlsClient(own.port, authority.certificate);
  const silent = connect(own.port, '127.0.0.1');
  await once(silent, 'connect');
  const accepted = await ownClient.connect();
  const stopped = stopping.stop().then(() => 'the stop');
  // Both wait on timers of this process, whose order does not depend on how busy the machine is.
  const late = setTimeout(6500, 'the deadline of a drain', { ref: false });
  accepted.write(`GET /healthz HTTP/1.1\r\n${host}\r\n`);
  t.match(await text(accepted), /^HTTP\/1\.1 200 /);
  t.equal(await Promise.race([stopped, late]), 'the stop');
});

t.test('an expired certificate is served with a warning', async t => {
  const own = await installTls(t, await authority.issue({ ...loopback, days: -1 }));
  const started = await startInProcess(own);
  t.match(started.output(), /"level":"warn".*the certificate has expired: clients will refuse it/);
  await t.rejects(new TlsClient(own.port, authority.certificate).request('/healthz'), {
    code: 'CERT_HAS_EXPIRED',
  });
  await started.stop();
});

t.test('TLS 1.2 by option, without renegotiation', async t => {
  const own = await installTls(t, first, { JARVIS_SECRETSD_SERVER_TLS_MIN_VERSION: '1.2' });
  const started = await startInProcess(own);
  const old = await new TlsClient(own.port, authority.certificate).connect({ maxVersion: 'TLSv1.2' });
  t.equal(old.getProtocol(), 'TLSv1.2');
  const failed = once(old, 'error', { signal: AbortSignal.timeout(5000) });
  old.renegotiate({}, () => undefined);
  const [error] = await failed;
  t.match(error.code, /ERR_SSL_.*RENEGOTIATION/);
  await started.stop();
});

// No teardown: see test/together.ts.
t.test('the service stops', async t => {
  t.equal(await service.stop(), 0);
});

async function installTls(
  t: Test,
  pair: Pair,
  environment: Record<string, string> = {},
): Promise<Installation> {
  const installed = await install(t.testdir(), {
    JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: 'server.crt',
    JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: 'server.key',
    ...environment,
  });
  writePair(installed, pair);
  return installed;
}

function writePair({ folder }: Installation, { certificate, key }: Pair): void {
  writeFileSync(join(folder, 'server.crt'), certificate);
  writeFileSync(join(folder, 'server.key'), key, { mode: 0o600 });
}

/** What comes back over TCP until the server hangs up. */
async function plainExchange(bytes: string): Promise<string> {
  const socket = connect(installation.port, '127.0.0.1');
  let received = '';
  socket.on('error', () => undefined);
  socket.on('data', chunk => {
    received += chunk;
  });
  socket.write(bytes);
  await once(socket, 'close');
  return received;
}

/** Unix seconds. */
async function expiry(): Promise<number | undefined> {
  return (await client.scrape()).get('tls_certificate_expiry_timestamp_seconds{certificate="server"}');
}

async function servedBy(client: TlsClient): Promise<string> {
  const socket = await client.connect();
  const { valid_to } = socket.getPeerCertificate();
  socket.destroy();
  return valid_to;
}

function expiryOf(validTo: string): number {
  return Date.parse(validTo) / 1000;
}
