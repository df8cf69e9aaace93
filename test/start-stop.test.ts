import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import {
  checkout,
  filesIn,
  install,
  readAudit,
  startService,
  waitFor,
  writePolicy,
} from './helpers/service.ts';

const firstSegment = 'audit-0000000000000001.jsonl';

/** What a service that has stopped leaves, with one secret. */
const complete = await install(t.testdir());
const past = await startService(complete);
await past.request('POST', '/secret', { name: 'a', value: 'v' });
await past.stop();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} finishes what has begun`, async t => {
    const installation = await install(t.testdir());
    const service = await startService(installation);
    const slow = httpRequest(`${service.url}/secret`, {
      method: 'POST',
      headers: { 'x-jarvis-client': 'admin', 'content-type': 'application/json' },
    });
    slow.write('{"name":"late",');
    await service.request('GET', '/healthz');
    const stopped = service.stop(signal);
    await waitFor(() => service.output().includes('"msg":"stopping'));
    slow.end('"value":"v"}');
    const [answer] = await once(slow, 'response');
    t.equal(answer.statusCode, 201);
    t.equal(answer.headers.connection, 'close');
    answer.resume();
    t.equal(await stopped, 0);
    t.match(service.output(), /"msg":"stopped"/);
    const late = once(connect(installation.port, '127.0.0.1'), 'connect');
    await t.rejects(late, { code: 'ECONNREFUSED' }, 'the port is closed');

    const again = await startService(installation);
    t.equal((await again.request('GET', '/secret/late')).status, 200, 'a second start finds it');
    await again.stop();
  });
}

t.test('a connection that was accepted is served, work under way is finished', async t => {
  const installation = await install(t.testdir());
  const service = await startService(installation);
  await service.request('POST', '/secret', { name: 'key', value: 'v' });
  const accepted = connect(installation.port, '127.0.0.1');
  await once(accepted, 'connect');
  const rotating = service.request('POST', '/rotate', { names: ['key'], generator: 'rsa-2048' });
  await service.request('GET', '/healthz');
  const since = performance.now();
  const stopped = service.stop();
  await waitFor(() => service.output().includes('"msg":"stopping'));
  accepted.write('GET /secret/key HTTP/1.1\r\nHost: localhost\r\nX-Jarvis-Client: admin\r\n\r\n');
  t.match(await text(accepted), /^HTTP\/1\.1 200 /);
  t.equal((await rotating).status, 200);
  t.equal(await stopped, 0);
  t.ok(performance.now() - since < 10_000, 'within 10 s');
});

t.test('the ready line says where everything is', async t => {
  const ready =
    past
      .output()
      .split('\n')
      .find(line => line.includes('"msg":"ready"')) ?? '';
  const place = (file: string) => join(complete.folder, file);
  t.match(JSON.parse(ready), {
    address: past.url,
    config: complete.configFile,
    vault: place('data/vault.db'),
    audit: place('data/audit'),
    policy: place('policy.yaml'),
    secrets: 0,
  });
});

t.test('the executable runs through a link', async t => {
  const link = join(t.testdir(), 'secretsd');
  symlinkSync(join(checkout, 'bin/jarvis-secretsd'), link);
  t.match(execFileSync(link, ['--version'], { encoding: 'utf8' }), /^\d+\.\d+\.\d+/);
});

t.test('it leaves its own files and no others, for their owner only', async t => {
  const audit = `data/audit/${firstSegment}`;
  const database = ['data/vault.db', 'data/vault.db.exit', 'data/vault.db.lock'];
  const own = [audit, ...database, 'keys/master.key'];
  t.same(filesIn(complete.folder), ['config.toml', ...own, 'policy.yaml']);
  for (const file of own) t.equal(statSync(join(complete.folder, file)).mode & 0o777, 0o600, file);
  for (const folder of ['keys', 'data', 'data/audit']) {
    t.equal(statSync(join(complete.folder, folder)).mode & 0o777, 0o700, folder);
  }
});

t.test('a unix socket, also where a killed process left its own', async t => {
  // The path of a socket has room for about a hundred characters.
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'api.sock');
  const installation = await install(folder, { JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${socketPath}` });
  for (const end of ['SIGKILL', 'SIGTERM'] as const) {
    const service = await startService(installation);
    const asked = httpRequest({ socketPath, path: '/healthz' }).end();
    const [answer] = await once(asked, 'response');
    t.equal(answer.statusCode, 200);
    answer.resume();
    await service.stop(end);
  }
});

t.test('/metrics on a listener of its own', async t => {
  const installation = await install(t.testdir());
  const scrapes = await install(t.testdir());
  const own = { JARVIS_SECRETSD_TELEMETRY_PROMETHEUS_BIND_ADDR: `127.0.0.1:${scrapes.port}` };
  const service = await startService({
    ...installation,
    environment: { ...installation.environment, ...own },
  });
  t.teardown(() => service.stop());
  t.equal((await service.request('GET', '/metrics')).status, 404);
  const answer = await fetch(`http://127.0.0.1:${scrapes.port}/metrics`);
  t.match(await answer.text(), /^http_requests_error 1$/m);
});

t.test('SIGHUP reads the policy again; a broken one leaves it as it was', async t => {
  const installation = await install(t.testdir());
  const service = await startService(installation);
  t.teardown(() => service.stop());
  await service.request('POST', '/secret', { name: 'app/a', value: 'v' });
  const status = async () =>
    (await service.request('GET', '/secret/app/a', undefined, { 'x-jarvis-client': 'web' })).status;
  t.equal(await status(), 403);

  writePolicy(installation, 'clients: {web: {allow: ["read app/*"]}}');
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('policy reloaded'));
  t.equal(await status(), 200);
  const sha256 = createHash('sha256')
    .update(readFileSync(join(installation.folder, 'policy.yaml')))
    .digest('hex');
  const record = readAudit(installation, firstSegment)
    .split('\n')
    .find(line => line.includes('"policy_reload"'));
  t.match(JSON.parse(record ?? '{}'), { event: 'policy_reload', detail: { sha256 } }, 'on record');
  t.equal((await service.scrape()).get('policy_reload_success'), 1);

  writePolicy(installation, 'clients: {web: [');
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('the policy was not reloaded'));
  t.equal(await status(), 200);
  t.equal((await service.scrape()).get('policy_reload_success'), 0);
});
