import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import {
  checkout,
  type Installation,
  install,
  readAudit,
  runCommand,
  startService,
  writePolicy,
} from './helpers/service.ts';

/** One line for people, with no stack trace. */
const oneLine = /^jarvis-secretsd: [^\n]+\n$/;
const firstSegment = 'audit-0000000000000001.jsonl';

function start(installation: Installation, environment: Record<string, string> = {}) {
  const changed = { ...installation, environment: { ...installation.environment, ...environment } };
  return runCommand(changed, ['--config', installation.configFile]);
}

type Damage = (installation: Installation, path: (file: string) => string) => void;

const refusedNew: Record<string, readonly [Damage, Record<string, string>, RegExp]> = {
  'a missing file': [(_, path) => rmSync(path('config.toml')), {}, /config\.toml: there is no such/],
  'broken TOML': [(_, path) => writeFileSync(path('config.toml'), '[server\n'), {}, /config\.toml:\d+: /],
  'an unknown key': [
    (_, path) => writeFileSync(path('config.toml'), '[server]\nbind = "x"\n'),
    {},
    /unknown key server\.bind;/,
  ],
  'a bad value': [
    (_, path) => writeFileSync(path('config.toml'), '[audit]\nsync = "never"\n'),
    {},
    /audit\.sync must be one of always, changes \(it is "never"\)/,
  ],
  'an unknown variable': [() => {}, { JARVIS_SECRETSD_SERVER_PORT: '1' }, /JARVIS_SECRETSD_SERVER_PORT: no /],
  'an address that is none': [
    (_, path) => writeFileSync(path('config.toml'), '[telemetry.prometheus]\nbind_addr = "nine"\n'),
    {},
    /telemetry\.prometheus\.bind_addr is "nine"; it must be host:port/,
  ],
  'a policy that cannot be read': [
    (_, path) => {
      rmSync(path('policy.yaml'));
      mkdirSync(path('policy.yaml'));
    },
    {},
    /policy\.yaml cannot be used: EISDIR/,
  ],
  'a broken policy': [
    installation => writePolicy(installation, 'clients: ['),
    {},
    /policy\.yaml cannot be used/,
  ],
  'no policy': [(_, path) => rmSync(path('policy.yaml')), {}, /policy\.yaml cannot be used: ENOENT/],
  'header identity on the network': [
    () => {},
    { JARVIS_SECRETSD_SERVER_BIND_ADDR: '0.0.0.0:8081' },
    /bind a loopback address or a unix socket/,
  ],
  'no vault where one is required': [
    () => {},
    { JARVIS_SECRETSD_SERVER_INIT: 'require' },
    /server\.init is "require"/,
  ],
};

for (const [what, [damage, environment, message]] of Object.entries(refusedNew)) {
  t.test(`refuses to start on ${what}, and makes nothing`, async t => {
    const installation = await install(t.testdir());
    damage(installation, file => join(installation.folder, file));
    const before = readdirSync(installation.folder);
    const { code, output } = await start(installation, environment);
    t.equal(code, 2, output);
    t.match(output, message);
    t.match(output, oneLine);
    t.same(readdirSync(installation.folder), before);
  });
}

const refusedHalf: Record<string, readonly [Damage, RegExp]> = {
  'a vault without its key': [(_, path) => rmSync(path('keys/master.key')), /no master key at/],
  'a key without its vault': [(_, path) => rmSync(path('data/vault.db')), /no vault at/],
  'a wrong key': [(_, path) => writeFileSync(path('keys/master.key'), Buffer.alloc(32, 7)), /master key/],
  'a key that others can read': [(_, path) => chmodSync(path('keys/master.key'), 0o644), /chmod/],
  'an audit log that is gone': [(_, path) => rmSync(path('data/audit'), { recursive: true }), /audit/],
};

/** What a service that has stopped leaves, with one secret. */
const complete = await install(t.testdir());
const past = await startService(complete);
await past.request('POST', '/secret', { name: 'a', value: 'v' });
await past.stop();

for (const [what, [damage, message]] of Object.entries(refusedHalf)) {
  t.test(`refuses to start on ${what}, and makes nothing`, async t => {
    const folder = t.testdir();
    cpSync(complete.folder, folder, { recursive: true });
    const installation = { ...complete, folder, configFile: join(folder, 'config.toml') };
    damage(installation, file => join(installation.folder, file));
    const before = filesIn(folder);
    const { code, output } = await start(installation);
    t.equal(code, 2, output);
    t.match(output, message);
    t.match(output, oneLine);
    t.same(filesIn(folder), before, 'nothing is made');
  });
}

t.test('a taken port, and makes nothing', async t => {
  const installation = await install(t.testdir());
  const other = createServer().listen(installation.port, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { code, output } = await start(installation);
  t.equal(code, 2);
  t.match(output, /the address is taken/);
  t.match(output, oneLine);
  t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml']);
});

t.test('one process to a vault, until it is killed', async t => {
  const installation = await install(t.testdir());
  const first = await startService(installation);
  const second = await start(installation, { JARVIS_SECRETSD_SERVER_BIND_ADDR: '127.0.0.1:0' });
  t.equal(second.code, 2);
  t.match(second.output, /another jarvis-secretsd process uses this vault/);
  await first.stop('SIGKILL');
  const third = await startService(installation);
  t.equal(await third.stop(), 0);
});

t.test('--check-config says whether it would start, and makes nothing', async t => {
  const installation = await install(t.testdir());
  const check = () => runCommand(installation, ['--check-config', '--config', installation.configFile]);
  t.equal((await check()).code, 0);
  t.notOk(existsSync(join(installation.folder, 'data')));
  writePolicy(installation, 'clients: {a: {allow: ["fly *"]}}');
  t.equal((await check()).code, 2);
});

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
    await t.rejects(service.request('GET', '/healthz'), 'the port is closed');

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

/** Every file under the folder, as relative paths in order. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => statSync(join(folder, file)).isFile())
    .toSorted();
}

/** Polls what the service has written: there is no event for a line of another process's log. */
async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not happen within 10 s');
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
