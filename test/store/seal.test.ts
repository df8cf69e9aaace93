import { createHmac, createSecretKey } from 'node:crypto';
import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { Inspection, type SealComparison } from '../../src/store/inspection.ts';
import { RowSet } from '../../src/store/row-set.ts';
import { closeSeal, openSeal } from '../../src/store/sealing.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { sealedTables } from '../../src/store/tables.ts';
import { waitFor } from '../helpers/service.ts';
import { creation, head, newSeal, operations, sealKeys, token, update, version } from './secrets.ts';

interface Sealed {
  readonly store: Store;
  readonly path: string;
  /** What the process is told of commits by others, and of the writer's end. */
  readonly foreign: number[];
  readonly fatal: string[];
}

async function openSealed(t: Test): Promise<Sealed> {
  const path = join(t.testdir({}), 'vault.db');
  const [foreign, fatal]: [number[], string[]] = [[], []];
  const store = await openSqliteStore({ path, create: true, onFatal: error => fatal.push(error.message) });
  t.teardown(() => store.close());
  store.onForeignCommits = count => foreign.push(count);
  await store.putState({ 'keyring/vault-id': Buffer.from('a') });
  await store.protect(sealKeys, newSeal);
  return { store, path, foreign, fatal };
}

function compare(path: string): SealComparison {
  const inspection = new Inspection(path);
  try {
    const steps = inspection.compareWithSeal(sealKeys);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    return step.value;
  } finally {
    inspection.close();
  }
}

function otherProcess(t: Test, path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 1000 });
  t.teardown(() => database.close());
  return database;
}

t.test('the seal covers every column of every table but its own', async t => {
  const { path } = await openSealed(t);
  const database = otherProcess(t, path);
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'seal'")
    .all();
  t.same(tables.map(({ name }) => name).toSorted(), sealedTables.map(({ name }) => name).toSorted());
  for (const { columns, name } of sealedTables) {
    const found = database.prepare(`SELECT name FROM pragma_table_info('${name}')`).all();
    t.same(columns.toSorted(), found.map(row => row['name']).toSorted(), name);
  }
});

t.test('whatever is committed, refused or rolled back: the seal is that of the rows', async t => {
  const { path, store } = await openSealed(t);
  const next = operations();
  await store.commit([creation('a'), creation('b')], next());
  await Promise.allSettled([
    store.commit([creation('a')], next()),
    store.commit([creation('c')], next()),
    store.commit([creation('d'), update('a', 7)], next()),
    store.commitTokens({ put: [token('t-1'), token('t-2')], drop: [] }, next()),
    store.check(),
  ]);
  await store.commit(
    [{ ...update('a'), versions: [version('a', { deactivatedAt: 5 }), version('a', { version: 2 })] }],
    next(),
  );
  const purged = head('b', { revision: 2, activeVersion: 0, purged: true });
  await store.commit([{ head: purged, expectedRevision: 1, versions: [], dropVersions: true }], next());
  await store.commitTokens({ put: [token('t-1', { revokedAt: 4 })], drop: ['t-2'] }, null);
  await store.noteAudit({ seq: 9, hash: 'f' }, { file: 'x', firstSeq: 1, previousHash: '0' });
  const { groups, rows, schema, seal, tables } = compare(path);
  t.same({ groups, rows, schema, tables }, { groups: [], rows: 7, schema: [], tables: [] });
  t.equal(seal?.hadToken, true);
  t.equal(seal?.lastIntent.seq, 7);
  t.equal(seal?.commits, store.sealedCommits());
});

t.test('a row is hashed with HMAC-SHA-256 over the number of its table and its typed cells', async t => {
  const key = createSecretKey(Buffer.alloc(32, 1));
  const set = new RowSet(key);
  set.add(7, null, ['ä', null, 258, new Uint8Array([1, 2])]);
  const number = Buffer.alloc(8);
  number.writeDoubleBE(258);
  const bytes = [[7], [2, 0, 0, 0, 2, 0xc3, 0xa4], [0], [1, ...number], [3, 0, 0, 0, 2, 1, 2]];
  const mac = createHmac('sha256', key).update(Buffer.from(bytes.flat())).digest('hex');
  t.equal(set.value().tables[6]?.sum.toString(16).padStart(64, '0'), mac);
});

t.test('a seal opens with its key and unaltered, and no two are alike', async t => {
  const rows = new RowSet(sealKeys.rowSet).value();
  const facts = {
    commits: 3,
    hadToken: true,
    announced: false,
    lastIntent: { seq: 8, hash: 'ab'.repeat(32) },
  };
  const sealed = closeSeal(sealKeys.seal, { ...facts, rows });
  t.same(openSeal(sealKeys.seal, sealed), { ...facts, rows });
  t.notSame(closeSeal(sealKeys.seal, { ...facts, rows }), sealed);
  t.equal(openSeal(createSecretKey(Buffer.alloc(32, 9)), sealed), null);
  t.equal(openSeal(sealKeys.seal, sealed.subarray(1)), null);
  for (let at = 0; at < sealed.length; at += 97) {
    const altered = sealed.slice();
    altered[at] = (altered[at] ?? 0) ^ 1;
    t.equal(openSeal(sealKeys.seal, altered), null, `byte ${at}`);
  }
});

t.test('a commit of another process is told, with or without a commit of our own', async t => {
  const { foreign, path, store } = await openSealed(t);
  const next = operations();
  await store.commit([creation('a')], next());
  const other = otherProcess(t, path);
  other.exec("UPDATE heads SET revision = 50 WHERE name = 'a'");
  await waitFor(() => foreign.length > 0);
  other.exec('UPDATE meta SET live_count = 7; UPDATE meta SET live_count = 1');
  await store.commit([creation('b')], next());
  t.same(foreign, [1, 2]);
  t.equal(store.get('a')?.head.revision, 50, 'read after it');
  const { groups, tables } = compare(path);
  t.same(tables, [{ name: 'heads', more: 0 }]);
  t.equal(groups.length, 1);
});

t.test('what is known to be good stays in memory when another process writes', async t => {
  const { foreign, path, store } = await openSealed(t);
  await store.commit([creation('a')], operations()());
  const known = store.get('a');
  otherProcess(t, path).exec("UPDATE heads SET revision = 50 WHERE name = 'a'");
  await waitFor(() => foreign.length > 0);
  t.equal(store.get('a'), known);
});

t.test('reads, backups and checkpoints of other processes raise no alarm', async t => {
  const { fatal, foreign, path, store } = await openSealed(t);
  const next = operations();
  const other = otherProcess(t, path);
  for (const mode of ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE']) {
    await store.commit([creation(mode)], next());
    other.prepare('SELECT count(*) FROM heads').get();
    other.exec(`PRAGMA wal_checkpoint(${mode})`);
  }
  await backup(other, `${path}.copy`);
  other.exec('BEGIN IMMEDIATE; UPDATE heads SET revision = 9; ROLLBACK');
  await store.commit([creation('last')], next());
  await new Promise(resolve => setTimeout(resolve, 1500));
  t.same({ fatal, foreign }, { fatal: [], foreign: [] });
  t.same(compare(path).tables, []);
});

const endings: Record<string, (t: Test, path: string) => void> = {
  'a trigger': (t, path) =>
    otherProcess(t, path).exec('CREATE TRIGGER x AFTER INSERT ON commits BEGIN DELETE FROM tokens; END'),
  'an index that is gone': (t, path) => otherProcess(t, path).exec('DROP INDEX heads_oldest'),
  'an older seal': (t, path) => {
    const other = otherProcess(t, path);
    other.exec('CREATE TEMP TABLE kept AS SELECT * FROM seal');
    other.exec('UPDATE seal SET sealed = zeroblob(length(sealed))');
  },
  'another file in its place': (_t, path) => {
    copyFileSync(path, `${path}.copy`);
    renameSync(`${path}.copy`, path);
  },
};
for (const [what, attack] of Object.entries(endings)) {
  t.test(`a writer that meets ${what} commits nothing more, and its process is told to end`, async t => {
    const { fatal, path, store } = await openSealed(t);
    const next = operations();
    await store.commitTokens({ put: [token('t-1')], drop: [] }, next());
    attack(t, path);
    await t.rejects(store.commit([creation('a')], next()), { name: 'StoreError', failure: 'failed' });
    t.match(fatal, [/another process|removed or replaced/]);
    t.equal(store.tokens().length, 1);
  });
}
