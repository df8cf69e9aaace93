import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
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

t.test('a vault has one lock, whatever name it is opened by', t => {
  const folder = t.testdir({ data: { 'vault.db': '' } });
  const path = join(folder, 'data/vault.db');
  mkdirSync(join(folder, 'other'));
  symlinkSync(path, join(folder, 'other/link.db'));
  symlinkSync(join(folder, 'other/link.db'), join(folder, 'other/link of a link.db'));
  symlinkSync(join(folder, 'data'), join(folder, 'linked folder'));
  const names = [
    join(folder, 'other/link.db'),
    join(folder, 'other/link of a link.db'),
    join(folder, 'linked folder/vault.db'),
    join(folder, 'data/../data/./vault.db'),
    relative(process.cwd(), path),
  ];
  for (const name of names) {
    for (const [first, second] of [
      [path, name],
      [name, path],
    ] as const) {
      const lock = lockVault(first);
      t.throws(() => lockVault(second), held, `${second} while ${first} is held`);
      lock.release();
    }
  }
  t.end();
});

t.test('a vault with a hard link is refused under both names, until the link is gone', t => {
  const folder = t.testdir({ data: { 'vault.db': '' }, other: {} });
  const path = join(folder, 'data/vault.db');
  const link = join(folder, 'other/vault.db');
  linkSync(path, link);
  for (const name of [path, link]) {
    t.throws(() => lockVault(name), {
      failure: 'failed',
      message: /has 2 hard links.*find \/ -xdev -samefile/,
    });
  }
  unlinkSync(link);
  lockVault(path).release();
  t.end();
});

const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0;
const skip = canMount ? false : 'this machine lets nobody mount';

t.test('a mount of the folder shares the lock; a mount of the file alone is refused', { skip }, t => {
  const folder = t.testdir({ data: { 'vault.db': '' }, 'a mount': {}, other: {} });
  writeFileSync(join(folder, 'other/vault.db'), '');
  const lock = join(import.meta.dirname, '../../src/store/lock.ts');
  const attempt = (name: string) =>
    `try { lockVault(${JSON.stringify(name)}); console.log('locked'); } catch (error) { console.log(error.message); }`;
  const program = (...names: string[]) =>
    `import { lockVault } from ${JSON.stringify(lock)}; ${names.map(attempt).join(' ')}`;
  const run = (mount: string, code: string) => {
    const script = `mount --bind ${mount} && exec "$1" --input-type=module -e "$2"`;
    const args = ['-Urm', 'sh', '-c', script, 'sh', process.execPath, code];
    return spawnSync('unshare', args, { cwd: folder, encoding: 'utf8' }).stdout;
  };
  const [data, mounted] = [join(folder, 'data/vault.db'), join(folder, 'a mount/vault.db')];
  t.match(run("data 'a mount'", program(data, mounted)), /^locked\nanother jarvis-secretsd process/);
  t.match(
    run('data/vault.db other/vault.db', program(join(folder, 'other/vault.db'))),
    /is a mount of a single file/,
  );
  t.end();
});
