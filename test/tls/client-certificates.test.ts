import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../../tools/free-port.ts';
import { createAuthority, loopback } from '../helpers/certificates.ts';
import { install, readAudit, startService, waitFor, writePolicy } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';
import { TlsClient, type TlsRequest } from '../helpers/tls-client.ts';

const firstSegment = 'audit-0000000000000001.jsonl';

const servers = await createAuthority('servers');
const clients = await createAuthority('clients');
const strangers = await createAuthority('strangers');
const server = await servers.issue(loopback);

const spiffe = 'spiffe://example.test/web';
const pairs = {
  web: await clients.issue({ names: [{ type: 'url', value: spiffe }] }),
  billing: await clients.issue({ commonName: 'web', names: [{ type: 'dns', value: 'billing.internal' }] }),
  named: await clients.issue({ commonName: 'reporter' }),
  both: await clients.issue({
    names: [
      { type: 'url', value: spiffe },
      { type: 'dns', value: 'billing.internal' },
    ],
  }),
  nobody: await clients.issue({ names: [{ type: 'dns', value: 'nobody.internal' }] }),
  quoting: await clients.issue({ names: [{ type: 'url', value: 'x:y, DNS:billing.internal' }] }),
  revoked: await clients.issue({ names: [{ type: 'dns', value: 'billing.internal' }] }),
  expired: await clients.issue({ names: [{ type: 'url', value: spiffe }], days: -1 }),
  forged: await strangers.issue({ names: [{ type: 'url', value: spiffe }] }),
};
const policy = `
clients:
  admin: {allow: ["*"]}
  web: {allow: ["*"], certificates: ["URI:${spiffe}", "CN:web"]}
  billing: {allow: ["*"], certificates: ["DNS:billing.internal"]}
  reporter: {allow: ["read app/*"], certificates: ["CN:reporter", "URI:x:y, DNS:billing.internal"]}
`;

const installation = await install(t.testdir(), {
  JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: 'server.crt',
  JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: 'server.key',
  JARVIS_SECRETSD_SERVER_TLS_CLIENT_CA_FILE: 'clients.crt',
  JARVIS_SECRETSD_SERVER_TLS_CLIENT_CRL_FILE: 'clients.crl',
});
const path = (file: string) => join(installation.folder, file);
writeFileSync(path('server.crt'), server.certificate);
writeFileSync(path('server.key'), server.key, { mode: 0o600 });
writeFileSync(path('clients.crt'), clients.certificate);
writeFileSync(path('clients.crl'), await clients.revoke([pairs.revoked]));
writePolicy(installation, policy);
const service = await startService(installation);

const anonymous = new TlsClient(installation.port, servers.certificate);
const as = (name: keyof typeof pairs) => new TlsClient(installation.port, servers.certificate, pairs[name]);

const json = { 'content-type': 'application/json' };
const create = (name: string): TlsRequest => ({
  method: 'POST',
  headers: json,
  body: JSON.stringify({ name, value: 'v' }),
});
/** The last that is about somebody: a checkpoint may follow it. */
const lastRecord = (of = installation) =>
  readAudit(of, firstSegment)
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .findLast(({ client }) => client !== null);
const failures = async (reason: string) =>
  (await anonymous.scrape()).get(`authentication_failures_total{reason="${reason}"}`) ?? 0;

t.test(
  'a certificate identifies the client that the policy says, on record with its fingerprint',
  async t => {
    t.equal((await as('web').request('/secret', create('app/web'))).status, 201);
    const fingerprint = new X509Certificate(pairs.web.certificate).fingerprint256;
    t.match(lastRecord(), {
      client: 'web',
      identity_method: 'certificate',
      credential_id: fingerprint.replaceAll(':', '').toLowerCase(),
    });
    t.equal((await as('billing').request('/secret/app/web')).status, 200);
    t.match(
      lastRecord(),
      { client: 'billing' },
      'an alternative name; the common name beside it means nothing',
    );
    t.equal((await as('named').request('/secret/app/web')).status, 200);
    t.match(lastRecord(), { client: 'reporter' }, 'the common name, where there is no other');
    t.equal((await as('quoting').request('/secret/app/web')).status, 200);
    t.match(lastRecord(), { client: 'reporter' }, 'a name that holds the text of another is one name');
    t.equal((await as('named').request('/secret', create('app/x'))).status, 403, 'the policy decides');
  },
);

const refused: Record<string, readonly [name: keyof typeof pairs, reason: string, message: RegExp]> = {
  'names nobody has': ['nobody', 'unknown', /no client with this certificate/],
  'names of two clients': ['both', 'unknown', /several clients/],
  'an issuer nobody trusts': ['forged', 'unverified', /UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET/],
  'a date past': ['expired', 'unverified', /CERT_HAS_EXPIRED/],
  'a revocation': ['revoked', 'unverified', /CERT_REVOKED/],
};
for (const [what, [name, reason, message]] of Object.entries(refused)) {
  t.test(`a certificate with ${what} is refused, and counted`, async t => {
    const before = await failures(reason);
    const answer = await as(name).request('/secret/app/web');
    t.equal(answer.status, 401);
    t.match(JSON.parse(answer.body), { error: 'unauthenticated', message });
    t.equal(await failures(reason), before + 1);
    t.equal((await as(name).request('/healthz')).status, 200, 'probes need no identity');
    t.equal((await as(name).request('/metrics')).status, 200);
  });
}

t.test('without a certificate a probe is served, and a request needs the configured identity', async t => {
  t.equal((await anonymous.request('/readyz')).status, 200);
  t.equal((await anonymous.request('/secret/app/web')).status, 401);
  const headers = { 'x-jarvis-client': 'admin' };
  t.equal((await anonymous.request('/secret/app/web', { headers })).status, 200);
  t.match(lastRecord(), { client: 'admin', identity_method: 'header', credential_id: null });
});

t.test('a request that says who calls is not identified by its certificate', async t => {
  const asAdmin = { 'x-jarvis-client': 'admin' };
  t.equal((await as('web').request('/secret/app/web', { headers: asAdmin })).status, 200);
  t.match(lastRecord(), { client: 'admin', identity_method: 'header' });
  const withToken = { authorization: 'Bearer x' };
  t.equal((await as('web').request('/secret/app/web', { headers: withToken })).status, 401);
});

t.test('beside tokens a certificate identifies, whatever X-Jarvis-Client says', async t => {
  const tokens = await install(t.testdir(), {
    ...installation.environment,
    JARVIS_SECRETSD_SECURITY_IDENTITY: 'token',
    JARVIS_SECRETSD_SERVER_INIT: 'auto',
    JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: path('server.crt'),
    JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: path('server.key'),
    JARVIS_SECRETSD_SERVER_TLS_CLIENT_CA_FILE: path('clients.crt'),
    JARVIS_SECRETSD_SERVER_TLS_CLIENT_CRL_FILE: path('clients.crl'),
    JARVIS_SECRETSD_SERVER_BIND_ADDR: `0.0.0.0:${await freePort()}`,
  });
  writePolicy(tokens, policy);
  const running = await startInProcess(tokens);
  const port = Number(tokens.environment['JARVIS_SECRETSD_SERVER_BIND_ADDR']?.split(':')[1]);
  const web = new TlsClient(port, servers.certificate, pairs.web);
  const headers = { 'x-jarvis-client': 'admin' };
  t.equal((await web.request('/secret/app/none', { headers })).status, 404);
  t.match(lastRecord(tokens), { client: 'web', identity_method: 'certificate' });
  t.equal((await web.request('/secret/app/none', { headers: { authorization: 'Bearer x' } })).status, 401);
  const nobody = new TlsClient(port, servers.certificate);
  t.equal((await nobody.request('/secret/app/none', { headers })).status, 401);
  await running.stop();
});

t.test('a browser, which presents its certificate by itself, cannot be made to act', async t => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = JSON.stringify({ name: 'app/forged', value: 'v' });
  const attempts: [status: number, headers: Record<string, string>][] = [
    [415, form],
    [415, { 'content-type': 'text/plain' }],
    [415, { 'content-type': 'multipart/form-data; boundary=a' }],
    [403, { ...json, origin: 'https://evil.example' }],
    [403, { ...json, 'sec-fetch-site': 'cross-site' }],
    [403, { ...json, 'sec-fetch-site': 'same-site' }],
    [421, { ...json, host: 'evil.example' }],
  ];
  for (const [status, headers] of attempts) {
    const answer = await as('web').request('/secret', { method: 'POST', headers, body });
    t.equal(answer.status, status, JSON.stringify(headers));
    t.notOk('access-control-allow-origin' in answer.headers);
  }
  t.equal((await as('web').request('/secret/app/forged')).status, 404, 'nothing was made');
});

t.test('a certificate that the policy no longer names stops at once, on connections that stand', async t => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const read = () => as('web').request('/secret/app/web', { agent });
  t.match(await read(), { status: 200, reused: false });
  writePolicy(installation, policy.replace(`"URI:${spiffe}", `, ''));
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('policy reloaded'));
  t.match(await read(), { status: 401, reused: true });
});

t.test('a revocation list that is replaced counts for new connections, resumed sessions too', async t => {
  const reader = as('billing');
  t.equal((await reader.request('/secret/app/web')).status, 200);
  const socket = await reader.connect();
  const session = await new Promise<Buffer>(resolve => {
    socket.once('session', resolve);
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
  socket.destroy();
  const resumed = await reader.connect({ session });
  t.ok(resumed.isSessionReused(), 'sessions are resumed');
  resumed.destroy();

  writeFileSync(path('clients.crl'), await clients.revoke([pairs.revoked, pairs.billing]));
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('certificate reloaded'));
  const answer = await reader.request('/secret/app/web');
  t.match([answer.status, answer.body], [401, /CERT_REVOKED/]);
  const again = await reader.connect({ session });
  t.notOk(again.isSessionReused(), 'an old session is verified anew');
  again.destroy();
});

// No teardown: see test/together.ts.
t.test('the service stops', async t => {
  t.equal(await service.stop(), 0);
});
