import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { errorMessage, StartError } from '../src/errors.ts';
import { isTemporary } from '../src/temporary.ts';
import { filesIn, type Installation, install, runCommand, startService } from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';

/** Of RFC 5737: no host has it. */
const absentAddress = '192.0.2.1';

function start(installation: Installation) {
  return runCommand(installation, ['--config', installation.configFile]);
}

t.test('a taken port: exit code 75, the errno, and nothing is made', async t => {
  const installation = await install(t.testdir());
  const other = createServer().listen(installation.port, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const { code, output } = await start(installation);
  t.equal(code, 75);
  t.match(output, /^jarvis-secretsd: [^\n]*EADDRINUSE[^\n]*the address is taken[^\n]+\n$/);
  t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml']);
});

t.test('an address that no interface has yet: exit code 75, the errno, and nothing is made', async t => {
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_SERVER_BIND_ADDR: `${absentAddress}:8081`,
    JARVIS_SECRETSD_SERVER_ALLOW_PLAINTEXT: 'true',
    JARVIS_SECRETSD_SECURITY_IDENTITY: 'token',
    JARVIS_SECRETSD_SERVER_INIT: 'auto',
  });
  const { code, output } = await start(installation);
  t.equal(code, 75);
  t.match(output, /EADDRNOTAVAIL/);
  t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml']);
});

t.test('the address of the metrics listener is tried before anything is made, too', async t => {
  const installation = await install(t.testdir(), {
    JARVIS_SECRETSD_TELEMETRY_PROMETHEUS_BIND_ADDR: `${absentAddress}:9464`,
  });
  const { code, output } = await start(installation);
  t.equal(code, 75);
  t.match(output, /EADDRNOTAVAIL/);
  t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml']);
});

t.test('a vault that another process holds', async t => {
  const installation = await install(t.testdir());
  const first = await startInProcess(installation);
  const second = { ...installation, environment: { JARVIS_SECRETSD_SERVER_BIND_ADDR: '127.0.0.1:0' } };
  const { code, output } = await start(second);
  t.equal(code, 75);
  t.match(output, /another jarvis-secretsd process uses this vault/);
  await first.stop();
});

const mountable = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
const skip = mountable ? false : 'this machine lets nobody mount a small disk';

for (const kilobytes of [4, 16, 64, 128]) {
  t.test(
    `a first start on a disk of ${kilobytes} KiB: exit code 75, and fine with room`,
    { skip },
    async t => {
      const installation = await install(t.testdir());
      const data = join(installation.folder, 'data');
      mkdirSync(data, { mode: 0o700 });
      const script = `mount -t tmpfs -o size=${kilobytes}k,mode=0700 tmpfs '${data}' || exit
      "$@"; echo "exit code $?"; mount -o remount,size=10m '${data}'; exec "$@"`;
      const service = await startService({
        ...installation,
        wrapper: ['unshare', '-Urm', 'sh', '-c', script, 'sh'],
      });
      t.match(service.output(), /^exit code 75$/m);
      t.match(service.output(), /^jarvis-secretsd: .*ENOSPC/m);
      t.equal(await service.stop(), 0);
    },
  );
}

t.test('errors that can pass, also as the cause of another', async t => {
  const system = (code: string) => Object.assign(new Error(`${code}: it failed`), { code });
  const result = (errcode: number) =>
    Object.assign(new Error('SQLite'), { code: 'ERR_SQLITE_ERROR', errcode });
  for (const code of [
    'EADDRINUSE',
    'EAI_AGAIN',
    'ENOTFOUND',
    'ENOSPC',
    'EDQUOT',
    'EMFILE',
    'ENFILE',
    'EIO',
  ]) {
    t.ok(isTemporary(system(code)), code);
    t.ok(new StartError('x', { cause: new Error('y', { cause: system(code) }) }).isTemporary, code);
  }
  for (const code of ['EACCES', 'EPERM', 'ENOENT', 'EROFS', 'EISDIR', 'ENOTDIR', 'ELOOP', 'EINVAL']) {
    t.notOk(isTemporary(system(code)), code);
  }
  // SQLITE_BUSY_SNAPSHOT, _IOERR_WRITE and _FULL; _CORRUPT, _NOTADB and _READONLY.
  for (const code of [517, 778, 13]) t.ok(isTemporary(result(code)), String(code));
  for (const code of [11, 26, 8]) t.notOk(isTemporary(result(code)), String(code));
  t.notOk(isTemporary('EIO'), errorMessage('no error at all'));
});
