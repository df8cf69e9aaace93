import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { constants } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { filesIn, install, launch, startService, waitFor } from './helpers/service.ts';

const skip = !existsSync('/proc/self/status') && 'needs /proc';

/** In the masks of /proc, where signal 1 is the first bit. Node itself catches SIGINT and SIGTERM, but never this one. */
const sighup = 1n << BigInt(constants.signals.SIGHUP - 1);

/** Whether the first module has run. */
function handlesSignals(pid: number | undefined): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (BigInt(`0x${/^SigCgt:\s+(\w+)/m.exec(status)?.[1]}`) & sighup) !== 0n;
}

t.test('SIGHUP during the start is a reload once the service is ready', { skip }, async t => {
  const installation = await install(t.testdir());
  const service = await startService(installation, async child => {
    await waitFor(() => handlesSignals(child.pid));
    child.kill('SIGHUP');
    child.kill('SIGHUP');
  });
  await waitFor(() => service.output().includes('policy reloaded'));
  t.equal((await service.request('GET', '/readyz')).status, 200);
  t.equal(await service.stop(), 0);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
  t.test(`${signal} during the start ends it, and the next start is fine`, { skip }, async t => {
    const installation = await install(t.testdir());
    const { child, output, ended } = launch(installation, ['--config', installation.configFile]);
    await waitFor(() => handlesSignals(child.pid));
    child.kill(signal);
    t.equal(await ended, 0, output());
    t.match(output(), new RegExp(`${signal} ended the start`));
    t.notMatch(output(), /"msg":"ready"/);
    t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml'], 'nothing was made yet');
    const next = await startService(installation);
    t.equal(await next.stop(), 0);
  });
}

for (const [signal, code] of [
  ['SIGINT', 130] as const,
  ['SIGTERM', 143] as const,
  ['SIGQUIT', 131] as const,
]) {
  t.test(`a second ${signal} ends the service at once, and says so`, async t => {
    const installation = await install(t.testdir());
    const service = await startService(installation);
    const connection = connect(installation.port, '127.0.0.1');
    await once(connection, 'connect');
    connection.write(
      'POST /secret HTTP/1.1\r\nHost: localhost\r\nX-Jarvis-Client: admin\r\nContent-Length: 9\r\n\r\n{',
    );
    await service.request('GET', '/healthz');
    service.child.kill(signal);
    await waitFor(() => service.output().includes('"msg":"stopping'));
    service.child.kill(signal);
    // Within a second, the same signal is the same request.
    await setTimeout(1100);
    t.notMatch(service.output(), 'a second signal');
    t.equal(await service.stop(signal), code);
    t.match(
      service.output(),
      new RegExp(`"signal":"${signal}","msg":"a second signal: the process ends now`),
    );
    connection.destroy();
    const next = await startService(installation);
    t.equal(await next.stop(), 0);
  });
}

t.test('SIGPIPE and SIGUSR1 change nothing', async t => {
  const installation = await install(t.testdir());
  const service = await startService(installation);
  for (const signal of ['SIGPIPE', 'SIGUSR1'] as const) service.child.kill(signal);
  t.equal((await service.request('GET', '/readyz')).status, 200);
  t.equal(await service.stop(), 0);
});

t.test('a signal ends a command that is no service, as it ends most programs', async t => {
  const installation = await install(t.testdir());
  const silent = createServer().listen(installation.port, '127.0.0.1');
  t.teardown(() => silent.close());
  const { child, ended } = launch(installation, ['health', '--config', installation.configFile]);
  const [connection] = await once(silent, 'connection');
  child.kill('SIGHUP');
  t.equal(await ended, null);
  t.equal(child.signalCode, 'SIGHUP');
  connection.destroy();
});
