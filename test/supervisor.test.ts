import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import { install, startService, waitFor, writePolicy } from './helpers/service.ts';

/** Binds the datagram socket that its argument names, and prints each message on a line of its own. */
const receiver = `
import socket, sys
listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listening.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(listening.recv(65536).decode().replace('\\n', ' '), flush=True)
`;

const lacking = ['python3', 'systemd-notify'].find(tool => spawnSync(tool, ['--version']).status !== 0);
const skip = lacking !== undefined && `needs ${lacking}`;

/** What systemd hears, line by line; the barriers of systemd-notify left out. */
async function listen(t: Test, path: string): Promise<() => string[]> {
  const child = spawn('python3', ['-c', receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => {
    child.kill();
    rmSync(path, { force: true });
  });
  let text = '';
  child.stdout.on('data', chunk => {
    text += chunk;
  });
  await once(child.stdout, 'data');
  return () => text.split('\n').filter(line => line !== '' && line !== 'bound' && line !== 'BARRIER=1');
}

t.test('systemd is told of start, reload, refused reload and stop', { skip }, async t => {
  const installation = await install(t.testdir());
  // The path of a socket must be short.
  const NOTIFY_SOCKET = `/tmp/jarvis-notify-${process.pid}`;
  const heard = await listen(t, NOTIFY_SOCKET);
  const environment = { ...installation.environment, NOTIFY_SOCKET, WATCHDOG_USEC: '200000' };
  const service = await startService({ ...installation, environment });
  const said = (pattern: RegExp) => waitFor(() => heard().some(line => pattern.test(line)));

  await said(/^READY=1/);
  const [ready = ''] = heard();
  t.equal(ready, `READY=1 MAINPID=${service.child.pid} STATUS=serving http://127.0.0.1:${installation.port}`);
  await said(/^WATCHDOG=1$/);

  service.child.kill('SIGHUP');
  await said(/STATUS=serving \S+; policy reloaded$/);
  const reloading = heard().find(line => line.startsWith('RELOADING=1')) ?? '';
  t.match(reloading, /^RELOADING=1 MONOTONIC_USEC=\d+ STATUS=reloading$/);
  t.ok(heard().indexOf(reloading) < heard().findIndex(line => line.endsWith('policy reloaded')), 'in order');

  writePolicy(installation, 'clients: [');
  service.child.kill('SIGHUP');
  await said(
    /^READY=1 .*the policy was not reloaded, and the one before stays: The policy \S+ cannot be used/,
  );

  t.equal(await service.stop(), 0);
  await said(/^STOPPING=1 /);
});

t.test('a start that is refused says nothing of READY', { skip }, async t => {
  const installation = await install(t.testdir());
  const NOTIFY_SOCKET = `/tmp/jarvis-notify-refused-${process.pid}`;
  const heard = await listen(t, NOTIFY_SOCKET);
  writePolicy(installation, 'clients: [');
  await t.rejects(
    startService({ ...installation, environment: { ...installation.environment, NOTIFY_SOCKET } }),
  );
  t.same(heard(), []);
});

t.test('the service goes on where systemd cannot be told', async t => {
  const installation = await install(t.testdir());
  const environment = { ...installation.environment, NOTIFY_SOCKET: '/nonexistent/notify' };
  const service = await startService({ ...installation, environment });
  service.child.kill('SIGHUP');
  await waitFor(() => service.output().includes('policy reloaded'));
  await waitFor(() => service.output().includes('systemd is not told what the service does'));
  t.equal(service.output().split('systemd is not told').length, 2, 'once');
  t.equal(await service.stop(), 0);
});
