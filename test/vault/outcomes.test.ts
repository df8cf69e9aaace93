import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { auditEntry } from '../../src/audit/record.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { outcomesOf } from '../../src/vault/recovery.ts';
import { head, version } from '../store/secrets.ts';
import { headerCaller, openTestVault } from './fixture.ts';

const policy = 'clients: {admin: {allow: ["*"]}}';

t.test('an outcome that the log did not take is recorded when it can be written again', async t => {
  const folder = t.testdir();
  const audit = join(folder, 'data/audit');
  const opened = await openTestVault({
    folder,
    policy,
    now: Date.now,
    through: store =>
      new Proxy(store, {
        get(target, key) {
          const member: unknown = Reflect.get(target, key);
          if (key !== 'commit') return typeof member === 'function' ? member.bind(target) : member;
          return async (...change: Parameters<typeof store.commit>) => {
            await target.commit(...change);
            renameSync(audit, `${audit}.away`);
          };
        },
      }),
  });
  const { vault, records, problems } = opened;
  const admin = headerCaller('admin');
  await vault.create(admin, 'a', { value: 'v' });
  t.same(problems, ['the outcome of a change could not be audited yet']);
  await t.rejects(
    vault.read(admin, 'a', null, () => false),
    { code: 'unavailable' },
  );
  renameSync(`${audit}.away`, audit);
  const outcomes = () => records().filter(({ event }) => event === 'outcome');
  for (
    const deadline = performance.now() + 30_000;
    outcomes().length === 0 && performance.now() < deadline;
  ) {
    await delay(50);
  }
  t.match(outcomes(), [{ resource: 'a', outcome: 'ok', detail: { recorded_late: true } }]);
  await opened.close();
});

t.test('an intent without outcome: what the vault has forgotten is not called aborted', async t => {
  const store = await openSqliteStore({
    path: join(t.testdir(), 'vault.db'),
    create: true,
    onFatal: error => t.fail(error.message),
  });
  const commit = (name: string, revision: number, intentSeq: number) =>
    store.commit(
      [
        {
          head: head(name, { revision, intentSeq }),
          expectedRevision: revision - 1,
          versions: [version(name)],
        },
      ],
      { opId: `op-${intentSeq}`, intentSeq, intentHash: `hash-${intentSeq}` },
    );
  await commit('unchanged', 1, 10);
  await commit('changed', 1, 20);
  await commit('older', 1, 5);
  await commit('changed', 2, 300_000);
  await commit('recent', 1, 300_010);
  const outcome = async (resource: string, seq: number) => {
    const entry = auditEntry({ event: 'intent', op_id: `op-${seq}`, resource, action: 'update' });
    const [completed] = await outcomesOf([{ seq, entry }], store);
    return completed?.outcome;
  };
  t.equal(await store.committed('op-10'), false, 'it has been forgotten');
  t.equal(await outcome('unchanged', 10), 'ok', 'the row is as this change left it');
  t.equal(await outcome('changed', 20), 'unknown', 'a later change hides it');
  t.equal(await outcome('older', 30), 'aborted', 'the row is from before it');
  t.equal(await outcome('never', 40), 'aborted', 'there is no row');
  t.equal(await outcome('recent', 300_010), 'ok');
  t.equal(await outcome('recent', 300_020), 'aborted', 'it would be remembered');
  await store.close();
});
