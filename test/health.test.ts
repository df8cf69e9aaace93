import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { healthCommand } from '../src/cli/commands/health.ts';
import { createAuthority, loopback } from './helpers/certificates.ts';
import { install, runCommand, startService } from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';

/** Runs the command in this process: a process for each case would cost more than all it asks. */
async function health(configFile: string, environment: Readonly<Record<string, string>>) {
  let output = '';
  const code = await healthCommand(configFile, environment, text => {
    output += text;
  });
  return { code, output };
}

t.test('0 while the service can serve, 1 when it cannot, and when it is gone', async t => {
  const isRoot = userInfo().uid === 0;
  const folder = t.testdir();
  const user = 65_534;
  const installation = await install(folder, { JARVIS_SECRETSD_AUDIT_SEGMENT_BYTES: '4096' });
  if (isRoot) chownSync(folder, user, user);
  const service = await startService(isRoot ? { ...installation, user } : installation);
  t.teardown(() => service.stop());
  const ask = () => runCommand(installation, ['health', '--config', installation.configFile]);
  const ready = '{"status":"ok","checks":{"store":"ok","keys":"ok","audit":"ok"}}';
  t.same(await ask(), { code: 0, output: `${service.url}: 200 ${ready}\n` });
  t.same(
    await health(installation.configFile, {
      JARVIS_SECRETSD_SERVER_BIND_ADDR: `0.0.0.0:${installation.port}`,
    }),
    { code: 0, output: `http://0.0.0.0:${installation.port}: 200 ${ready}\n` },
    'a listener on every interface is asked on loopback',
  );

  await service.request('POST', '/secret', { name: 'a', value: 'v' });
  chmodSync(join(folder, 'data/audit'), 0o500);
  let status = 200;
  for (let reads = 0; status === 200 && reads < 50; reads++)
    status = (await service.request('GET', '/secret/a')).status;
  t.match(await health(installation.configFile, installation.environment), {
    code: 1,
    output: '503 {"status":"failed","checks":{"store":"ok","keys":"ok","audit":"failed"}}',
  });

  await service.stop();
  t.match(await ask(), { code: 1, output: /ECONNREFUSED/ });
  t.match(await runCommand(installation, ['health', '--config', 'none.toml']), { code: 2 });
});

t.test('over TLS, whatever names the certificate has', async t => {
  const authority = await createAuthority('servers');
  const { certificate, key } = await authority.issue({
    ...loopback,
    names: [{ type: 'dns', value: 'elsewhere' }],
  });
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_SERVER_TLS_CERTIFICATE_FILE: 'server.crt',
    JARVIS_SECRETSD_SERVER_TLS_KEY_FILE: 'server.key',
  });
  writeFileSync(join(installation.folder, 'server.crt'), certificate);
  writeFileSync(join(installation.folder, 'server.key'), key, { mode: 0o600 });
  const service = await startInProcess(installation);
  t.match(await health(installation.configFile, installation.environment), {
    code: 0,
    output: `https://127.0.0.1:${installation.port}: 200`,
  });
  await service.stop();
});

t.test('over a unix socket', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const address = `unix://${join(folder, 'api.sock')}`;
  const installation = await install(folder, { JARVIS_SECRETSD_SERVER_BIND_ADDR: address });
  const service = await startInProcess(installation);
  t.match(await health(installation.configFile, installation.environment), {
    code: 0,
    output: `${address}: 200`,
  });
  await service.stop();
});

t.test('a service that does not answer is given up', async t => {
  const { configFile, port } = await install(t.testdir());
  const silent = createServer(socket => socket.on('error', () => {})).listen(port, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  t.match(await health(configFile, { JARVIS_SECRETSD_SERVER_BIND_ADDR: `127.0.0.1:${port}` }), {
    code: 1,
    output: `http://127.0.0.1:${port}: no answer within 3000 ms\n`,
  });
});
