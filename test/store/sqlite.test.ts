import { join } from 'node:path';
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
