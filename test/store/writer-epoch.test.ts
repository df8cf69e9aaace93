import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { creation, newSeal, operations, sealKeys } from './secrets.ts';

interface Opened {
  readonly store: Store;
  /** Why the store can no longer write, as its process is told. */
  readonly fatal: string[];
  close(): Promise<void>;
}

async function open(t: Test, folder: string, asIs = false): Promise<Opened> {
  const fatal: string[] = [];
  const store = await openSqliteStore({
    path: join(folder, 'vault.db'),
    create: !asIs,
    asIs,
    onFatal: error => fatal.push(error.message),
  });
  if (!asIs) {
    const { kind } = await store.protect(sealKeys, null);
    if (kind === 'none') await store.protect(sealKeys, newSeal);
  }
  let isOpen = true;
  const close = async () => {
    if (isOpen) await store.close();
    isOpen = false;
  };
  t.teardown(close);
  return { store, fatal, close };
}

t.test('each opening for writing takes the next epoch, and one for reading takes none', async t => {
  const folder = t.testdir({});
  const first = await open(t, folder);
  t.equal(first.store.writerEpoch, 1);
  await first.close();
  const second = await open(t, folder);
  t.equal(second.store.writerEpoch, 2);
  const reading = await open(t, folder, true);
  t.equal(reading.store.writerEpoch, null);
  await t.rejects(reading.store.check(), { failure: 'failed', message: /open for reading only/ });
  await second.store.commit([creation('a')], operations()());
  t.same([second.fatal, reading.fatal], [[], []]);
});

t.test('a writer whose epoch has passed commits nothing more, and its process is told to end', async t => {
  const folder = t.testdir({});
  const old = await open(t, folder);
  const next = operations();
  await old.store.commit([creation('before')], next());
  const successor = await open(t, folder);
  await t.rejects(old.store.commit([creation('late')], next()), {
    message:
      /another process has opened the vault for writing: its writer epoch is 2, and this process has 1/,
  });
  t.equal(old.fatal.length, 1);
  await successor.store.commit([creation('after')], next());
  const stored = ['before', 'late', 'after'].map(name => successor.store.get(name)?.head.name);
  t.same(stored, ['before', undefined, 'after']);
});

t.test('a damaged epoch is refused, and says what it is', async t => {
  const folder = t.testdir({});
  const made = await open(t, folder);
  await made.close();
  for (const value of ['x', '\u0002', '\u00010', '\u0001-4', `\u0001${'9'.repeat(30)}`]) {
    const database = new DatabaseSync(join(folder, 'vault.db'));
    database
      .prepare("UPDATE state SET value = ? WHERE key = 'writer/epoch'")
      .run(Buffer.from(value, 'latin1'));
    database.close();
    await t.rejects(open(t, folder), { failure: 'failed', message: /writer\/epoch of the vault is damaged/ });
  }
});
