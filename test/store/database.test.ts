import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { creation, operations, token } from './secrets.ts';

const file = (folder: string) => join(folder, 'vault.db');

function open(folder: string, create = true): Promise<Store> {
  return openSqliteStore({ path: file(folder), create, onFatal: error => t.fail(error.message) });
}

t.test('a missing or empty file is only made into a vault when asked', async t => {
  const folder = t.testdir({});
  await t.rejects(open(folder, false), { failure: 'failed', message: /there is no vault at/ });
  t.notOk(existsSync(file(folder)));
  writeFileSync(file(folder), '');
  await t.rejects(open(folder, false), { failure: 'failed', message: /the file is empty/ });
});

t.test('the file is 0600 and its folder 0700, whatever the umask', async t => {
  const folder = join(t.testdir({}), 'data');
  const mask = process.umask(0);
  t.teardown(() => process.umask(mask));
  const store = await open(folder);
  await store.commit([creation('a')], operations()());
  t.equal(statSync(folder).mode & 0o777, 0o700);
  for (const suffix of ['', '-wal', '-shm']) {
    t.equal(statSync(file(folder) + suffix).mode & 0o777, 0o600, `vault.db${suffix}`);
  }
  await store.close();
  t.notOk(existsSync(`${file(folder)}-wal`), 'closing folds the log into the file');
});

t.test('what is no vault, or a newer one, is refused and left alone', async t => {
  const folder = t.testdir({});
  const other = new DatabaseSync(file(folder));
  other.exec('CREATE TABLE mine (x)');
  await t.rejects(open(folder), { failure: 'failed', message: /not a jarvis-secretsd vault/ });
  t.strictSame(other.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'delete');
  other.close();

  const newer = t.testdir({});
  await (await open(newer)).close();
  const database = new DatabaseSync(file(newer));
  database.exec('PRAGMA user_version = 3');
  database.close();
  await t.rejects(open(newer), { failure: 'failed', message: /schema 3.*newer release/ });

  const text = t.testdir({ 'vault.db': 'no database at all '.repeat(100) });
  await t.rejects(open(text), { failure: 'failed', message: /cannot open the vault .*vault\.db/ });
});

t.test(
  'a vault of schema 1 is brought up to date with all it holds, but not by a command that only reads',
  async t => {
    const folder = t.testdir({});
    const made = await open(folder);
    await made.commit([creation('a')], operations()());
    await made.close();
    const old = new DatabaseSync(file(folder));
    old.exec('DROP TABLE tokens; PRAGMA user_version = 1');
    old.close();

    const asIs = { path: file(folder), create: false, asIs: true, onFatal: () => {} };
    await t.rejects(openSqliteStore(asIs), {
      failure: 'failed',
      message: /earlier release; start the service/,
    });
    const store = await open(folder, false);
    t.teardown(() => store.close());
    t.equal((await store.get('a'))?.head.name, 'a');
    await store.commitTokens({ put: [token('t')], drop: [] }, null);
    t.strictSame(await store.tokens(), [token('t')]);
    const others = await openSqliteStore(asIs);
    t.equal((await others.tokens()).length, 1);
    await others.close();
  },
);

t.test('a folder that cannot be made is a StoreError', async t => {
  const folder = t.testdir({ data: 'a file' });
  await t.rejects(open(join(folder, 'data')), { failure: 'failed', message: /cannot create the vault/ });
});
