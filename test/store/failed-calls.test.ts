import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { childResult, startChild } from './children.ts';

const build = t.testdir();
const library = join(build, 'fail-calls.so');
const source = join(import.meta.dirname, 'children/fail-calls.c');
const compiled = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { encoding: 'utf8' });
const skip = compiled.status === 0 ? false : 'there is no C compiler that makes a library for LD_PRELOAD';
const { EDQUOT, EFBIG, EIO, ENOSPC, EROFS } = constants.errno;

async function under(t: Test, fault: string): Promise<unknown> {
  const folder = t.testdir();
  const control = join(folder, 'fault');
  const wrapper = ['env', `LD_PRELOAD=${library}`, `FAIL_CALLS=${control}`];
  return await childResult(startChild('commit-under-faults.ts', [folder, control, fault], wrapper));
}

for (const [name, code] of Object.entries({ EDQUOT, EFBIG, EIO, ENOSPC, EROFS })) {
  t.test(`${name} on the write-ahead log refuses changes until it is over`, { skip }, async t => {
    const failure = name === 'ENOSPC' ? 'full' : 'failed';
    t.same(await under(t, `write -wal ${code}`), {
      refused: [failure, failure],
      notReady: failure,
      readable: true,
      afterwards: null,
      ready: null,
      found: ['before', 'afterwards'],
      fatal: null,
    });
  });
}

t.test('a failed fsync ends the writer: nobody knows what is on the disk', { skip }, async t => {
  t.match(await under(t, `sync -wal ${EIO}`), {
    refused: ['failed', 'failed'],
    notReady: 'failed',
    afterwards: 'failed',
    fatal: /the vault cannot be written: disk I\/O error/,
  });
});
