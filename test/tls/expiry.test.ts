import { once } from 'node:events';
import { Agent } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import t from 'tap';
import { CertificateIdentity } from '../../src/http/authentication/certificate-identity.ts';
import { attachSpan } from '../../src/http/request-span.ts';
import { createServer } from '../../src/http/server.ts';
import type { Caller } from '../../src/vault/vault.ts';
import { noMetrics } from '../../telemetry/instruments.ts';
import { noTracing } from '../../telemetry/tracing.ts';
import { createAuthority, loopback } from '../helpers/certificates.ts';
import { TlsClient } from '../helpers/tls-client.ts';

const day = 86_400_000;

t.test('a client certificate lapses on a connection that stands, and while a request waits', async t => {
  const authority = await createAuthority('both');
  const server = await authority.issue(loopback);
  const pair = await authority.issue({ names: [{ type: 'dns', value: 'web.internal' }], days: 1 });
  let now = Date.now();
  let mapped: string | null = 'web';
  const callers: (Caller | null)[] = [];
  const identity = new CertificateIdentity({
    clientOf: name => (name === 'DNS:web.internal' ? mapped : null),
    sayingHeaders: [],
    metrics: noMetrics(),
    refusals: { record: async () => undefined },
    now: () => now,
  });
  const app = createServer(pino({ level: 'silent' }), {
    cert: server.certificate,
    key: server.key,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  });
  app.decorateRequest('span');
  app.addHook('onRequest', async request => attachSpan(request, noTracing));
  app.get('/who', async request => {
    const caller = await identity.identify(request);
    callers.push(caller);
    return caller?.client;
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(async () => {
    agent.destroy();
    await app.close();
  });
  await app.ready();
  app.server.listen(0, '127.0.0.1');
  await once(app.server, 'listening');
  const { port } = app.server.address() as AddressInfo;
  const client = new TlsClient(port, authority.certificate, pair);

  t.match(await client.request('/who', { agent }), { status: 200, body: 'web', reused: false });
  const lapse = () => callers[0]?.credential.lapse();
  t.equal(lapse(), null);
  mapped = 'another';
  t.equal(lapse(), 'revoked', 'the policy gives it to another client');
  mapped = null;
  t.equal(lapse(), 'revoked', 'the policy no longer names it');
  t.match(await client.request('/who', { agent }), { status: 401, body: 'no client with', reused: true });
  mapped = 'web';
  now += 2 * day;
  t.equal(lapse(), 'expired');
  t.match(await client.request('/who', { agent }), { status: 401, body: 'has expired', reused: true });
});
