import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { childResult, startChild } from './children.ts';
import { creation, operations, version } from './secrets.ts';

// Of the whole file: a test's own folder is gone before its teardown closes the store.
const folders = t.testdir({ probe: {}, reader: {} });

async function open(t: Test, folder: string) {
  const path = join(folders, folder, 'vault.db');
  const commits: number[] = [];
  const store = await openSqliteStore({
    path,
    create: true,
    onFatal: error => t.fail(error.message),
    metrics: { storeCommitted: seconds => void commits.push(seconds) },
  });
  t.teardown(() => store.close());
  return { store, path, commits };
}

t.test('a probe writes, many at once write once, and what was just written needs no probe', async t => {
  const { store, commits, path } = await open(t, 'probe');
  t.equal(await store.state('writer/probe'), null);
  await Promise.all(Array.from({ length: 50 }, () => store.check()));
  const written = await store.state('writer/probe');
  t.equal(written?.length, 9);
  t.equal(commits.length, 1);
  await store.check();
  t.same(await store.state('writer/probe'), written);
  t.equal(commits.length, 1);
  t.notOk(readdirSync(join(path, '..')).includes('vault.db.probe'), 'it leaves no file');
});

const mountable = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
const skip = mountable ? false : 'this machine lets nobody mount a small disk';

t.test('a disk that is full to the last byte is found before a change meets it', { skip }, async t => {
  const folder = t.testdir({});
  const mounted = `mount -t tmpfs -o size=2m tmpfs '${folder}' && exec "$@"`;
  const child = startChild('probe-disk.ts', [folder], ['unshare', '-Urm', 'sh', '-c', mounted, 'sh']);
  t.same(await childResult(child), { full: 'full', withRoom: null, fatal: null });
});

t.test('the write-ahead log shrinks when a reader from outside has left', async t => {
  const { store, path } = await open(t, 'reader');
  const next = operations();
  const sealed = new Uint8Array(20_000).fill(9);
  let name = 0;
  const change = async (times: number) => {
    for (let time = 0; time < times; time++) {
      const names = Array.from({ length: 100 }, () => `n${name++}`);
      const changes = names.map(each => ({ ...creation(each), versions: [version(each, { sealed })] }));
      await store.commit(changes, next());
    }
  };
  const mebibytes = () => statSync(`${path}-wal`).size / 1024 / 1024;
  await change(1);
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM heads').get();
  await change(20);
  t.ok(mebibytes() > 30, `${mebibytes()} MiB while the reader is there`);
  reader.exec('COMMIT');
  reader.close();
  await change(8);
  t.ok(mebibytes() <= 20, `${mebibytes()} MiB afterwards`);
});
