import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lockVault } from '../../src/store/lock.ts';
import { killChild, startChild } from './children.ts';

const held = {
  failure: 'failed',
  message: /another jarvis-secretsd process uses this vault.*vault\.db\.lock/,
};

t.test('one process at a time holds a vault, and a killed one holds nothing', async t => {
  const path = join(t.testdir({}), 'vault.db');
  const child = startChild('hold-lock.ts', [path]);
  t.teardown(() => child.kill('SIGKILL'));
  if (child.stdout !== null) await once(child.stdout, 'data');
  t.throws(() => lockVault(path), held);
  await killChild(child);
  lockVault(path).release();
});

t.test('release lets the next one in', t => {
  const path = join(t.testdir({}), 'data', 'vault.db');
  const first = lockVault(path);
  t.throws(() => lockVault(path), held);
  first.release();
  lockVault(path).release();
  t.equal(statSync(`${path}.lock`).mode & 0o777, 0o600);
  t.end();
});

t.test('a folder that cannot be made is a StoreError', t => {
  const folder = t.testdir({ file: '' });
  t.throws(() => lockVault(join(folder, 'file', 'vault.db')), { failure: 'failed', message: /cannot lock/ });
  t.end();
});
