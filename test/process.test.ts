import { existsSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { filesIn, install, startService } from './helpers/service.ts';

/** In the masks of /proc, where signal 1 is the first bit. */
const sigusr1 = 1n << BigInt(constants.signals.SIGUSR1 - 1);

// The service must not depend on what its parent had: here files would be made for everybody.
const installation = { ...(await install(t.testdir())), umask: 0 };
const service = await startService(installation);

t.test(
  'nobody but the owner may read what the service makes, whatever umask it was started with',
  async t => {
    await service.request('POST', '/secret', { name: 'a', value: 'v' });
    const made = filesIn(installation.folder).filter(file => !['config.toml', 'policy.yaml'].includes(file));
    t.ok(made.length >= 4, made.join(', '));
    for (const file of made) t.equal(statSync(join(installation.folder, file)).mode & 0o777, 0o600, file);
  },
);

const linux = { skip: !existsSync('/proc/self/limits') && 'needs /proc' };

t.test('a crash leaves no core file', linux, async t => {
  const limits = readFileSync(`/proc/${service.child.pid}/limits`, 'utf8');
  t.match(limits, /^Max core file size +0 +0 +bytes/m, 'soft and hard');
});

t.test('the inspector cannot be switched on by a signal', linux, async t => {
  const status = readFileSync(`/proc/${service.child.pid}/status`, 'utf8');
  const caught = BigInt(`0x${/^SigCgt:\s+(\w+)/m.exec(status)?.[1]}`);
  t.equal(caught & sigusr1, 0n, 'nothing waits for SIGUSR1');
  service.child.kill('SIGUSR1');
  t.equal((await service.request('GET', '/healthz')).status, 200);
  t.notMatch(service.output(), /Debugger listening/);
});

// No teardown: see test/together.ts.
t.test('the service stops', async t => {
  t.equal(await service.stop(), 0);
});
