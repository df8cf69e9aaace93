import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { storeContract } from './contract.ts';
import { creation, operations } from './secrets.ts';

const file = (folder: string) => join(folder, 'vault.db');

function open(folder: string): Promise<Store> {
  return openSqliteStore({
    path: file(folder),
    create: true,
    onFatal: error => {
      throw error;
    },
  });
}

storeContract(t, open);

t.test('a change by another connection is seen, also right after one of our own', async t => {
  const folder = t.testdir();
  const store = await open(folder);
  t.teardown(() => store.close());
  const next = operations();
  await store.commit([creation('a'), creation('b')], next());
  const other = new DatabaseSync(file(folder), { timeout: 1000 });
  t.teardown(() => other.close());
  const revise = other.prepare('UPDATE heads SET revision = ? WHERE name = ?');

  const cached = await store.get('a');
  await newTurn();
  t.equal(await store.get('a'), cached);
  revise.run(50, 'a');
  await newTurn();
  t.equal((await store.get('a'))?.head.revision, 50);

  await store.get('b');
  await store.commit([creation('c')], next());
  revise.run(60, 'b');
  await newTurn();
  await store.get('b');
  await store.check();
  t.equal((await store.get('b'))?.head.revision, 60, 'the writer has told them apart');
});

t.test('commits are timed', async t => {
  const times: number[] = [];
  const store = await openSqliteStore({
    path: file(t.testdir()),
    create: true,
    onFatal: error => t.fail(error.message),
    metrics: { storeCommitted: seconds => times.push(seconds) },
  });
  t.teardown(() => store.close());
  const next = operations();
  await Promise.all(['a', 'b', 'c'].map(name => store.commit([creation(name)], next())));
  t.equal(times.length, 1, 'what is asked in one turn is one transaction');
  t.ok((times[0] ?? 0) > 0 && (times[0] ?? 9) < 5, 'in seconds');
  await store.statistics(1);
  t.equal(times.length, 1);
});

t.test('the least recently read leave a full cache', async t => {
  const store = await open(t.testdir());
  t.teardown(() => store.close());
  const names = Array.from({ length: 10_001 }, (_, index) => `n${index}`);
  await store.commit(
    names.map(name => creation(name)),
    operations()(),
  );
  const [first, second] = [await store.get('n0'), await store.get('n1')];
  for (const name of names.slice(2, -1)) await store.get(name);
  t.equal(await store.get('n0'), first);
  await store.get('n10000');
  t.equal(await store.get('n0'), first, 'read lately');
  t.not(await store.get('n1'), second, 'made room');
});

function newTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(() => setImmediate(resolve)));
}
