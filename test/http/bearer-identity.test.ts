import { stdout } from 'node:process';
import t from 'tap';
import { buildApp } from '../../src/app.ts';
import type { AuditEntry } from '../../src/audit/record.ts';
import { listen } from '../../src/listening.ts';
import { LogOutput } from '../../src/log-output.ts';
import { createLogger } from '../../src/logging.ts';
import { newToken } from '../../src/vault/token-format.ts';
import { noMetrics } from '../../telemetry/instruments.ts';
import { noTracing } from '../../telemetry/tracing.ts';
import { exchange, type RawAnswer, type RawHeaders, requestBytes } from '../helpers/raw-http.ts';
import { headerCaller, openTestVault } from '../vault/fixture.ts';
import { unlimited } from './running-app.ts';

const policy = 'clients: {admin: {allow: ["*", "admin *"]}, web: {allow: ["read app/*"]}}';
const admin = headerCaller('admin');
const lifetime = 60_000;
const clock = { now: Date.UTC(2026, 0, 1) };

/** What was counted and recorded of those who were turned away, since the last time asked. */
const reasons: string[] = [];
const recorded: AuditEntry[] = [];

const { vault, close } = await openTestVault({ folder: t.testdir(), policy, now: () => clock.now });
const app = await buildApp({
  identity: 'token',
  tls: null,
  clientOfCertificate: () => null,
  vault,
  metrics: { ...noMetrics(), authenticationFailed: reason => void reasons.push(reason) },
  tracing: noTracing,
  refusals: { record: async entry => void recorded.push(entry) },
  logger: createLogger({ level: 'silent', json: true }, new LogOutput(stdout)),
  expectedHosts: [],
  limits: unlimited,
  defaultGrace: 0,
  exposition: null,
  health: { version: '0', uptime: () => 0, secretsCount: vault.count, checks: [] },
});
await app.ready();
await listen(app.server, { kind: 'tcp', host: '127.0.0.1', port: 0 });
const address = app.server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;

async function issue(client: string, sourceNetworks: string[] = []) {
  return await vault.createToken(admin, { client, description: '', lifetime, sourceNetworks });
}

const ask = (headers: RawHeaders, path = '/secret/app/a') =>
  exchange(`http://127.0.0.1:${port}`, requestBytes('GET', path, undefined, headers));
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** An answer but for what differs from one to the next. */
function settled({ status, headers, body }: RawAnswer): unknown {
  const own = new Set(['x-request-id', 'date']);
  return { status, headers: [...headers].filter(([name]) => !own.has(name)), body };
}

await vault.create(admin, 'app/a', { value: 'v' });
const good = await issue('web');

await t.test(
  'whatever is wrong with a token, the answer is the same to the byte; the record says what',
  async t => {
    const expired = await issue('web');
    clock.now += 1;
    const revoked = await issue('web');
    const elsewhere = await issue('web', ['192.0.2.0/24']);
    const nearly = await issue('web');
    await vault.revokeToken(admin, revoked.id);
    clock.now = expired.expiresAt;
    const cases = {
      unknown: [newToken(), null],
      malformed: [good.token.slice(0, -1), null],
      expired: [expired.token, expired.id],
      revoked: [revoked.token, revoked.id],
      wrong_network: [elsewhere.token, elsewhere.id],
    } as const;
    const answers = new Map<string, RawAnswer>();
    for (const [reason, [token, id]] of Object.entries(cases)) {
      reasons.length = 0;
      recorded.length = 0;
      answers.set(reason, await ask(bearer(token)));
      t.same(reasons, [reason]);
      t.match(recorded, [{ event: 'unauthenticated', identity_method: 'token', decision: 'deny' }]);
      t.match(recorded, [{ outcome: reason, credential_id: id, remote_addr: '127.0.0.1' }]);
      t.notMatch(JSON.stringify(recorded), token);
    }
    const [answer, ...others] = [...answers.values()];
    for (const other of others) t.same(settled(other), settled(answer as RawAnswer));
    t.equal(answer?.status, 401);
    t.equal(answer?.headers.get('www-authenticate'), 'Bearer realm="jarvis-secretsd", error="invalid_token"');
    t.equal(answer?.body, '{"error":"unauthenticated","message":"The bearer token is not valid."}\n');
    t.equal((await ask(bearer(nearly.token))).status, 200, 'one that is still good is');
  },
);

await t.test('what is no bearer token at all', async t => {
  const { token } = await issue('web');
  const missing = await ask({});
  t.equal(missing.status, 401);
  t.equal(missing.headers.get('www-authenticate'), 'Bearer realm="jarvis-secretsd"');
  const proxied = { via: '1.1 proxy', 'x-forwarded-for': '192.0.2.1', forwarded: 'for=x' };
  const cases: readonly (readonly [headers: RawHeaders, status: number, reason: string | null])[] = [
    [{ 'x-jarvis-client': 'admin' }, 401, 'missing'],
    [{ authorization: '' }, 401, 'malformed'],
    [{ authorization: 'Bearer' }, 401, 'malformed'],
    [{ authorization: token }, 401, 'malformed'],
    [{ authorization: `Basic ${token}` }, 401, 'malformed'],
    [{ authorization: `Bearer ${token} ${token}` }, 401, 'malformed'],
    [{ authorization: `Bearer ${token},${token}` }, 401, 'malformed'],
    [{ authorization: `bearer ${token}` }, 200, null],
    [{ authorization: `BEARER   ${token}  ` }, 200, null],
    [{ authorization: [`Bearer ${token}`, `Bearer ${token}`] }, 400, 'malformed'],
    [{ authorization: [`Bearer ${token}`, 'Basic eA=='] }, 400, 'malformed'],
    [{ ...bearer(token), 'x-jarvis-client': ['admin', 'web'] }, 200, null],
    [{ ...bearer(token), ...proxied }, 200, null],
  ];
  for (const [headers, status, reason] of cases) {
    reasons.length = 0;
    t.equal((await ask(headers)).status, status, JSON.stringify(headers).replaceAll(token, 'TOKEN'));
    t.same(reasons, reason === null ? [] : [reason]);
  }
});

await t.test('the client is the token’s, whatever X-Jarvis-Client says', async t => {
  const { token } = await issue('web');
  const headers = { ...bearer(token), 'x-jarvis-client': 'admin' };
  t.equal((await ask(headers)).status, 200);
  t.match(await ask(headers, '/secret/other'), {
    status: 403,
    body: /does not let \\"web\\" read \\"other\\"/,
  });
  t.equal((await ask(headers, '/tokens')).status, 403);
});

await t.test('probes need no token', async t => {
  t.equal((await ask({}, '/healthz')).status, 200);
});

await app.close();
await close();
