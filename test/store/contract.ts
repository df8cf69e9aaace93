/** What every store must do, whatever database is behind it. */
import type { Test } from 'tap';
import type { Store } from '../../src/store/store.ts';
import { creation, head, operations, summaryOf, token, update, version } from './secrets.ts';

/** Opens the store kept in a folder, making it when the folder is empty. */
export type OpenStore = (folder: string) => Promise<Store>;

const conflict = { name: 'StoreError', failure: 'conflict' };
const failed = { name: 'StoreError', failure: 'failed' };
const everything = [{ from: '', to: null }];

export function storeContract(t: Test, open: OpenStore): void {
  const store = async (t: Test): Promise<Store> => {
    const opened = await open(t.testdir());
    t.teardown(() => opened.close());
    return opened;
  };
  commits(t, store);
  lists(t, store);
  clocks(t, store);
  tokens(t, open);
  remembers(t, open);
}

type NewStore = (t: Test) => Promise<Store>;

function commits(t: Test, newStore: NewStore): void {
  t.test('a commit gives back what was put in, frozen', async t => {
    const store = await newStore(t);
    const rotation = { every: 5, grace: 2, generator: { kind: 'bytes', length: 32 } };
    const change = creation('app/key', { rotation });
    await store.commit([change], operations()());
    const stored = await store.get('app/key');
    t.strictSame(stored, { head: change.head, active: change.versions[0] });
    t.ok(Object.isFrozen(stored) && Object.isFrozen(stored?.head) && Object.isFrozen(stored?.head.metadata));
    t.equal(await store.get('app/other'), null);
    t.equal(await store.version('app/key', 2), null);
  });

  t.test('blobs that are slices of a larger buffer are stored as what they show', async t => {
    const store = await newStore(t);
    const sealed = Buffer.from('xxsealedxx').subarray(2, 8);
    const change = { ...creation('a'), versions: [version('a', { sealed })] };
    await store.commit([change], operations()());
    t.equal(Buffer.from((await store.version('a', 1))?.sealed ?? []).toString(), 'sealed');
  });

  t.test('a revision that differs is a conflict, and changes nothing', async t => {
    const store = await newStore(t);
    const next = operations();
    await store.commit([creation('a')], next());
    await t.rejects(store.commit([creation('a')], next()), conflict, 'expected to be new');
    await t.rejects(store.commit([update('a', 2)], next()), conflict, 'a later revision');
    await t.rejects(store.commit([update('b', 1)], next()), conflict, 'a missing name');
    t.equal((await store.get('a'))?.head.revision, 1);
    t.equal(await store.committed('op-2'), false);
    await store.commit([update('a', 1)], next());
    t.equal((await store.get('a'))?.head.revision, 2);
  });

  t.test('several changes happen all or none', async t => {
    const store = await newStore(t);
    const next = operations();
    await store.commit([creation('a')], next());
    await t.rejects(store.commit([creation('b'), update('a', 7)], next()), conflict);
    t.equal(await store.get('b'), null);
    t.equal(store.count(), 1);
    await store.commit([creation('b'), update('a')], next());
    t.equal(store.count(), 2);
    t.equal((await store.get('a'))?.head.revision, 2);
  });

  t.test('of commits made at once, those that fail do so alone', async t => {
    const store = await newStore(t);
    const next = operations();
    const outcomes = await Promise.allSettled([
      store.commit([creation('a')], next()),
      store.commit([creation('a')], next()),
      store.commit([{ ...creation('b'), versions: [version('b', { version: 0 })] }], next()),
      store.commit([creation('c')], next()),
    ]);
    const failures = outcomes.map(outcome =>
      outcome.status === 'rejected' ? outcome.reason.failure : 'none',
    );
    t.strictSame(failures, ['none', 'conflict', 'failed', 'none']);
    t.equal(store.count(), 2);
    t.equal(await store.get('b'), null);
  });

  t.test('versions are added, replaced, and all dropped by a purge', async t => {
    const store = await newStore(t);
    const next = operations();
    await store.commit([creation('a')], next());
    const second = version('a', { version: 2, createdAt: 2_000 });
    const retired = version('a', { deactivatedAt: 2_000 });
    const rotated = { ...update('a', 1, { activeVersion: 2, nextVersion: 3 }), versions: [retired, second] };
    await store.commit([rotated], next());
    t.strictSame(store.versions('a', 0, 10), [summaryOf(retired), summaryOf(second)]);
    t.strictSame(store.versions('a', 1, 10), [summaryOf(second)], 'after a number');
    t.strictSame(store.versions('a', 0, 1), [summaryOf(retired)], 'so many at the most');
    t.strictSame((await store.get('a'))?.active, second);

    const purged = head('a', {
      activeVersion: 0,
      nextVersion: 3,
      revision: 3,
      purged: true,
      expiresAt: null,
    });
    await store.commit([{ head: purged, expectedRevision: 2, versions: [], dropVersions: true }], next());
    t.strictSame(store.versions('a', 0, 10), []);
    t.strictSame(await store.get('a'), { head: purged, active: null });
    t.equal(store.count(), 0);
  });

  t.test('the same object is returned until the secret changes', async t => {
    const store = await newStore(t);
    const next = operations();
    await store.commit([creation('a'), creation('b')], next());
    const [a, b] = [await store.get('a'), await store.get('b')];
    await store.commit([update('a')], next());
    t.not(await store.get('a'), a);
    t.equal((await store.get('a'))?.head.revision, 2);
    t.equal(await store.get('b'), b);
  });

  t.test('the count follows deletion and return', async t => {
    const store = await newStore(t);
    const next = operations();
    t.equal(store.count(), 0);
    await store.commit([creation('a'), creation('staged', { activeVersion: 0 })], next());
    t.equal(store.count(), 1);
    await store.commit([update('a', 1, { deletedAt: 5_000 })], next());
    t.equal(store.count(), 0);
    await store.commit([update('a', 2)], next());
    t.equal(store.count(), 1);
  });
}

function lists(t: Test, newStore: NewStore): void {
  const names = async (store: Store, request: Parameters<Store['list']>[0]) =>
    store.list(request).map(row => ('damaged' in row ? `damaged ${row.damaged}` : row.head.name));

  t.test('a list walks its ranges in code-point order, live secrets only', async t => {
    const store = await newStore(t);
    const next = operations();
    const all = ['Z', 'a', 'a-b', 'a.b', 'a/b', 'a0', 'b', 'b/c', 'c'];
    await store.commit(
      all.toReversed().map(name => creation(name)),
      next(),
    );
    await store.commit(
      [update('b', 1, { deletedAt: 5_000 }), creation('a/staged', { activeVersion: 0 })],
      next(),
    );
    const live = all.filter(name => name !== 'b');
    t.strictSame(await names(store, { ranges: everything, after: null, limit: 100 }), live);
    const ranges = [
      { from: 'a', to: 'a/' },
      { from: 'aa', to: 'ab' },
      { from: 'b', to: null },
    ];
    t.strictSame(await names(store, { ranges, after: null, limit: 100 }), ['a', 'a-b', 'a.b', 'b/c', 'c']);
    t.strictSame(await names(store, { ranges, after: 'a-b', limit: 2 }), ['a.b', 'b/c']);
    t.strictSame(await names(store, { ranges, after: 'c', limit: 2 }), []);
    t.strictSame(await names(store, { ranges: [], after: null, limit: 2 }), []);
  });

  t.test('a list has all of a secret but its value', async t => {
    const store = await newStore(t);
    const change = creation('a', { rotation: { every: 5, grace: 2, generator: null } });
    await store.commit([change], operations()());
    const [active] = change.versions;
    t.strictSame(store.list({ ranges: everything, after: null, limit: 10 }), [
      { head: change.head, active: active && summaryOf(active) },
    ]);
  });

  t.test('pages stay in step while names come and go', async t => {
    const store = await newStore(t);
    const next = operations();
    await store.commit(
      ['b', 'd', 'f', 'h'].map(name => creation(name)),
      next(),
    );
    t.strictSame(await names(store, { ranges: everything, after: null, limit: 2 }), ['b', 'd']);
    await store.commit([creation('a'), creation('e'), update('d', 1, { deletedAt: 5_000 })], next());
    t.strictSame(await names(store, { ranges: everything, after: 'd', limit: 2 }), ['e', 'f']);
    t.strictSame(await names(store, { ranges: everything, after: 'f', limit: 2 }), ['h']);
  });
}

function clocks(t: Test, newStore: NewStore): void {
  const rotation = { every: 100, grace: 10, generator: null };

  t.test('due rotations are live secrets with a rule, soonest first', async t => {
    const store = await newStore(t);
    await store.commit(
      [
        creation('late', { rotation, expiresAt: 300 }),
        creation('late too', { rotation, expiresAt: 300 }),
        creation('early', { rotation, expiresAt: 100 }),
        creation('future', { rotation, expiresAt: 301 }),
        creation('by-hand', { expiresAt: 100 }),
        creation('deleted', { rotation, expiresAt: 100, deletedAt: 50 }),
      ],
      operations()(),
    );
    const due = await store.dueRotations(300, 10, null);
    t.strictSame(
      due.map(({ name, expiresAt }) => [name, expiresAt]),
      [
        ['early', 100],
        ['late', 300],
        ['late too', 300],
      ],
    );
    for (const [index, each] of due.entries()) {
      t.strictSame(await store.dueRotations(300, 2, each), due.slice(index + 1), `after ${each.name}`);
    }
    t.strictSame(await store.dueRotations(300, 1, null), due.slice(0, 1));
  });

  t.test('ended graces are versions past destroyAt that still hold a value', async t => {
    const store = await newStore(t);
    const versions = [
      version('a', { version: 1, destroyAt: 100, sealed: null }),
      version('a', { version: 2, destroyAt: 200 }),
      version('a', { version: 3, destroyAt: 301 }),
      version('a', { version: 4 }),
    ];
    const change = { ...creation('a', { activeVersion: 4, nextVersion: 5 }), versions };
    await store.commit([change], operations()());
    t.strictSame(await store.endedGraces(300, 10), [{ name: 'a', version: 2 }]);
  });

  t.test('statistics see overdue secrets and the oldest active version', async t => {
    const store = await newStore(t);
    t.strictSame(await store.statistics(500), { overdueRotations: 0, oldestVersionAt: null });
    const old = { ...creation('old', { expiresAt: 500 }), versions: [version('old', { createdAt: 10 })] };
    const gone = { ...creation('gone', { deletedAt: 7 }), versions: [version('gone', { createdAt: 5 })] };
    await store.commit([old, gone, creation('young', { expiresAt: 501 })], operations()());
    t.strictSame(await store.statistics(500), { overdueRotations: 1, oldestVersionAt: 10 });
  });
}

function tokens(t: Test, open: OpenStore): void {
  t.test('tokens are put, replaced and dropped, and come back oldest first', async t => {
    const folder = t.testdir();
    const store = await open(folder);
    const next = operations();
    t.strictSame(await store.tokens(), []);
    const [old, young] = [token('old', { createdAt: 1 }), token('young', { createdAt: 2 })];
    const limited = token('limited', { createdAt: 3, sourceNetworks: ['10.0.0.0/8', '2001:db8::/32'] });
    await store.commitTokens({ put: [limited, young, old], drop: [] }, next());
    t.strictSame(await store.tokens(), [old, young, limited]);
    t.ok(Object.isFrozen((await store.tokens())[0]));
    t.equal(await store.committed('op-1'), true);
    t.strictSame(await store.lastIntent(), { seq: 1, hash: 'hash-1' });

    const revoked = { ...old, revokedAt: 9, lastUsedAt: 8 };
    await store.commitTokens({ put: [revoked], drop: ['young', 'nobody'] }, null);
    t.strictSame(await store.lastIntent(), { seq: 1, hash: 'hash-1' }, 'no operation, no intent');
    await store.close();
    const after = await open(folder);
    t.teardown(() => after.close());
    t.strictSame(await after.tokens(), [revoked, limited]);
    t.equal(after.count(), 0, 'tokens are no secrets');
  });

  t.test('a change of tokens happens whole or not at all', async t => {
    const store = await open(t.testdir());
    t.teardown(() => store.close());
    const next = operations();
    const first = token('first');
    await store.commitTokens({ put: [first], drop: [] }, next());
    const change = { put: [token('second'), token('twin', { hash: first.hash })], drop: ['first', 'x'] };
    await t.resolves(store.commitTokens(change, next()), 'what is dropped makes room first');
    const twins = { put: [token('a'), token('b', { hash: first.hash })], drop: ['second'] };
    await t.rejects(store.commitTokens(twins, next()), failed, 'one hash, one token');
    t.strictSame(
      (await store.tokens()).map(({ id }) => id),
      ['second', 'twin'],
    );
    t.equal(await store.committed('op-3'), false);
  });
}

function remembers(t: Test, open: OpenStore): void {
  t.test('all is there after closing and opening again', async t => {
    const folder = t.testdir();
    const next = operations();
    const before = await open(folder);
    await before.putState({ vaultId: new Uint8Array([1]), check: new Uint8Array([2]) });
    await before.putState({ check: new Uint8Array([3]) });
    await before.commit([creation('a'), creation('b')], next());
    await before.commit([update('a')], next());
    await before.close();

    const after = await open(folder);
    t.teardown(() => after.close());
    t.equal(after.count(), 2);
    t.strictSame(await after.state('vaultId'), new Uint8Array([1]));
    t.strictSame(await after.state('check'), new Uint8Array([3]));
    t.equal(await after.state('other'), null);
    t.equal((await after.get('a'))?.head.revision, 2);
    t.strictSame(await after.lastIntent(), { seq: 2, hash: 'hash-2' });
    t.equal(await after.committed('op-1'), true);
    await after.check();
  });

  t.test('operations are remembered for 100,000 audit positions', async t => {
    const store = await open(t.testdir());
    t.teardown(() => store.close());
    t.equal(await store.lastIntent(), null);
    await store.commit([], { opId: 'first', intentSeq: 5, intentHash: 'x' });
    await store.commit([], { opId: 'second', intentSeq: 100_004, intentHash: 'y' });
    t.equal(await store.committed('first'), true);
    await store.commit([], { opId: 'third', intentSeq: 100_005, intentHash: 'z' });
    t.equal(await store.committed('first'), false);
    t.equal(await store.committed('second'), true);
  });

  t.test('audit segments are registered, and the position only moves forward', async t => {
    const store = await open(t.testdir());
    t.teardown(() => store.close());
    t.equal(await store.auditPosition(), null);
    const first = { file: '1.jsonl', firstSeq: 1, previousHash: '0' };
    const second = { file: '2.jsonl', firstSeq: 9, previousHash: 'h8' };
    await store.noteAudit({ seq: 8, hash: 'h8' }, second);
    await store.noteAudit({ seq: 0, hash: '0' }, first);
    await store.noteAudit({ seq: 8, hash: 'h8' }, second);
    t.strictSame(await store.auditSegments(), [first, second]);
    t.strictSame(await store.auditPosition(), { seq: 8, hash: 'h8' });
    const forked = { ...second, previousHash: 'other' };
    await t.rejects(store.noteAudit({ seq: 9, hash: 'h9' }, forked), failed);
    t.strictSame(await store.auditPosition(), { seq: 8, hash: 'h8' });
  });

  t.test('a closed store refuses', async t => {
    const store = await open(t.testdir());
    const last = store.commit([creation('a')], operations()());
    await store.close();
    await t.resolves(last, 'what was asked before is done');
    await t.rejects(store.commit([creation('b')], operations()()), failed);
    t.throws(() => store.get('a'), failed);
    await t.rejects(store.check(), failed);
  });
}
