import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, statSync, symlinkSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { freePort } from '../tools/free-port.ts';
import {
  checkout,
  filesIn,
  install,
  type RunningService,
  readAudit,
  startService,
  waitFor,
  writePolicy,
} from './helpers/service.ts';

const firstSegment = 'audit-0000000000000001.jsonl';

const scrapes = await freePort();
const installation = await install(t.testdir(), {
  JARVIS_SECRETSD_TELEMETRY_PROMETHEUS_BIND_ADDR: `127.0.0.1:${scrapes}`,
});
const { folder, configFile } = installation;
/** The tests follow it from its start to its stop and what it leaves. */
const service = await startService(installation);

t.test('the ready line says where everything is', async t => {
  const lines = service.output().split('\n');
  t.match(JSON.parse(lines.find(line => line.includes('"msg":"ready"')) ?? ''), {
    address: service.url,
    config: configFile,
    vault: join(folder, 'data/vault.db'),
    audit: join(folder, 'data/audit'),
    policy: join(folder, 'policy.yaml'),
    secrets: 0,
  });
});

async function scrape(): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${scrapes}/metrics`)).text();
}

t.test('/metrics on a listener of its own', async t => {
  t.equal((await service.request('GET', '/metrics')).status, 404);
  t.match(await scrape(), /^http_requests_error 1$/m);
});

t.test('SIGHUP reads the policy again; a broken one leaves it as it was', async t => {
  await service.request('POST', '/secret', { name: 'app/a', value: 'v' });
  const status = async () =>
    (await service.request('GET', '/secret/app/a', undefined, { 'x-jarvis-client': 'web' })).status;
  t.equal(await status(), 403);

  writePolicy(installation, 'clients: {admin: {allow: ["*"]}, web: {allow: ["read app/*"]}}');
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('policy reloaded'));
  t.equal(await status(), 200);
  const sha256 = createHash('sha256')
    .update(readFileSync(join(folder, 'policy.yaml')))
    .digest('hex');
  const record = readAudit(installation, firstSegment)
    .split('\n')
    .find(line => line.includes('"policy_reload"'));
  t.match(JSON.parse(record ?? '{}'), { event: 'policy_reload', detail: { sha256 } }, 'on record');
  t.match(await scrape(), /^policy_reload_success 1$/m);

  writePolicy(installation, 'clients: {web: [');
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('the policy was not reloaded'));
  t.equal(await status(), 200);
  t.match(await scrape(), /^policy_reload_success 0$/m);
  writePolicy(installation, 'clients: {admin: {allow: ["*"]}}');
});

/** Stops the service amid requests of every kind, each of which gets its answer. */
async function finishes(t: Test, service: RunningService, signal: NodeJS.Signals): Promise<void> {
  const { hostname, port } = new URL(service.url);
  await service.request('POST', '/secret', { name: `${signal}/key`, value: 'v' });
  const slow = httpRequest(`${service.url}/secret`, {
    method: 'POST',
    headers: { 'x-jarvis-client': 'admin', 'content-type': 'application/json' },
  });
  slow.write(`{"name":"${signal}/late",`);
  const accepted = connect(Number(port), hostname);
  await once(accepted, 'connect');
  const rotating = service.request('POST', '/rotate', { names: [`${signal}/key`], generator: 'rsa-2048' });
  await service.request('GET', '/healthz');
  const stopped = service.stop(signal);
  await waitFor(() => service.output().includes('"msg":"stopping'));
  accepted.write(`GET /secret/${signal}/key HTTP/1.1\r\nHost: localhost\r\nX-Jarvis-Client: admin\r\n\r\n`);
  t.match(await text(accepted), /^HTTP\/1\.1 200 /, 'a connection that was accepted is served');
  slow.end('"value":"v"}');
  const [answer] = await once(slow, 'response');
  t.equal(answer.statusCode, 201, 'a request is heard out');
  t.equal(answer.headers.connection, 'close');
  answer.resume();
  t.equal((await rotating).status, 200, 'work under way is finished');
  t.equal(await stopped, 0, 'a clean end: one that takes too long has another code');
  t.match(service.output(), /"msg":"stopped"/);
  const late = once(connect(Number(port), hostname), 'connect');
  await t.rejects(late, { code: 'ECONNREFUSED' }, 'the port is closed');
}

t.test('SIGTERM finishes what has begun', async t => {
  await finishes(t, service, 'SIGTERM');
});

t.test('it leaves its own files and no others, for their owner only', async t => {
  const database = ['data/vault.db', 'data/vault.db.exit', 'data/vault.db.lock'];
  const own = [`data/audit/${firstSegment}`, ...database, 'keys/master.key'];
  t.same(filesIn(folder), ['config.toml', ...own, 'policy.yaml']);
  for (const file of own) t.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  for (const made of ['keys', 'data', 'data/audit']) {
    t.equal(statSync(join(folder, made)).mode & 0o777, 0o700, made);
  }
});

t.test('a second start finds what the first one took last, and SIGINT ends it likewise', async t => {
  const second = await startService(installation);
  t.equal((await second.request('GET', '/secret/SIGTERM/late')).status, 200);
  await finishes(t, second, 'SIGINT');
});

t.test('the executable runs through a link', async t => {
  const link = join(t.testdir(), 'secretsd');
  symlinkSync(join(checkout, 'bin/jarvis-secretsd'), link);
  t.match(execFileSync(link, ['--version'], { encoding: 'utf8' }), /^\d+\.\d+\.\d+/);
});
