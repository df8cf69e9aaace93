import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isRunning, ServiceChain } from '../helpers/chain.ts';
import { askedService, executable, install, writePolicy } from '../helpers/service.ts';

/** A file that starts the service with something changed before. */
function launcherWith(t: Test, commands: string): string {
  const file = join(t.testdir(), 'launcher');
  writeFileSync(file, `#!/bin/sh\n${commands}\nexec '${executable}' "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

t.test('a successor that does not become ready leaves the service as it was', async t => {
  const installation = await install(t.testdir());
  const chain = await ServiceChain.start(installation);
  t.teardown(() => chain.stop());
  const { pid } = chain;
  const service = askedService(installation);
  t.equal((await service.request('POST', '/secret', { name: 'app/a', value: 'v' })).status, 201);
  let failures = 0;

  async function serves(t: Test): Promise<void> {
    failures += 1;
    t.equal(chain.pid, pid, 'the same process');
    t.equal((await service.request('GET', '/secret/app/a')).status, 200);
    t.equal((await service.request('PUT', '/secret/app/a', { value: 'w' })).status, 200);
    t.equal((await service.scrape()).get('handovers_failed_total'), failures);
  }

  await t.test('where its configuration cannot be used', async t => {
    const before = readFileSync(installation.configFile, 'utf8');
    writeFileSync(installation.configFile, `${before}\n[nonsense]\n`);
    t.match(await chain.failToHandOver(), /it ended with code 2: \S+config\.toml: unknown key nonsense/);
    writeFileSync(installation.configFile, before);
    await serves(t);
  });

  await t.test('where its policy cannot be used', async t => {
    writePolicy(installation, 'clients: {admin: [');
    t.match(await chain.failToHandOver(), /it ended with code 2: The policy \S+policy\.yaml cannot be used/);
    writePolicy(installation, 'clients: {admin: {allow: ["*"]}}');
    await serves(t);
  });

  await t.test('where it is to listen elsewhere', async t => {
    chain.place(launcherWith(t, 'export JARVIS_SECRETSD_SERVER_BIND_ADDR=127.0.0.1:1'));
    t.match(
      await chain.failToHandOver(),
      /server\.bind_addr changed from 127\S+ to 127\.0\.0\.1:1; stop and start/,
    );
    await serves(t);
  });

  await t.test('where its code does not start', async t => {
    chain.place(launcherWith(t, 'exit 7'));
    t.equal(await chain.failToHandOver(), 'it ended with code 7');
    await serves(t);
    chain.place(launcherWith(t, 'kill -9 $$'));
    t.equal(await chain.failToHandOver(), 'SIGKILL ended it');
    await serves(t);
    chain.place(join(t.testdir(), 'missing'));
    t.match(await chain.failToHandOver(), /it could not be started: .*ENOENT/);
    await serves(t);
  });

  await t.test(
    'where it fails after the vault was let go, though the policy is broken meanwhile',
    async t => {
      const empty = t.testdir({ audit: {} });
      chain.place(launcherWith(t, `export JARVIS_SECRETSD_PATHS_AUDIT_PATH='${empty}/audit'`));
      const busy = Array.from({ length: 5 }, async () => {
        const statuses = new Set<number>();
        while (chain.lines('the handover failed; this process continues').length < failures + 1) {
          statuses.add((await service.request('GET', '/secret/app/a')).status);
        }
        return [...statuses];
      });
      const failed = chain.failToHandOver();
      await chain.until(
        'the vault is let go',
        () => chain.lines('handing over: the vault is let go').length > 0,
      );
      writePolicy(installation, 'clients: {admin: [');
      t.match(await failed, /it ended with code \d+: The (?:audit segment|policy) /);
      for (const statuses of await Promise.all(busy)) t.same(statuses, [200], 'every request is answered');
      writePolicy(installation, 'clients: {admin: {allow: ["*"]}}');
      await serves(t);
    },
  );

  await t.test('and the next handover succeeds', async t => {
    chain.place(executable);
    await chain.handOver();
    t.not(chain.pid, pid);
    t.notOk(isRunning(pid));
    t.equal((await service.request('GET', '/secret/app/a')).status, 200);
  });

  await chain.stop();
  const { code, output } = await chain.verify();
  t.equal(code, 0, output);
});

t.test('a stop during a handover stops the service, and leaves no process', async t => {
  const installation = await install(t.testdir());
  for (const moment of ['handing over: the successor prepares', 'handing over: the vault is let go']) {
    const chain = await ServiceChain.start(installation);
    chain.signal('SIGUSR2');
    await chain.until('the moment has come', () => chain.lines(moment).length > 0);
    const pid = Number(chain.lines('handing over: the successor prepares')[0]?.['successor']);
    chain.signal('SIGTERM', chain.ready[0]?.pid);
    await chain.ended();
    t.notOk(isRunning(pid), moment);
    t.notMatch(chain.output(), /this process continues/);
    t.equal((await chain.verify()).code, 0);
  }
});
