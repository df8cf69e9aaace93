import t from 'tap';
import { DenialSummary } from '../../src/audit/denials.ts';
import { type AuditEntry, auditEntry } from '../../src/audit/record.ts';

function setup() {
  let now = 0;
  const written: AuditEntry[] = [];
  const timers: (() => void)[] = [];
  const trail = {
    writable: true,
    append: (entries: readonly AuditEntry[]) => {
      written.push(...entries);
      return { seq: 0, hash: '', durable: Promise.resolve({ started: 0 }) };
    },
  };
  const summary = new DenialSummary(
    trail,
    () => now,
    (_milliseconds, task) => {
      timers.push(task);
      return () => void timers.splice(timers.indexOf(task), 1);
    },
  );
  return { summary, written, timers, trail, pass: (milliseconds: number) => (now += milliseconds) };
}

const denied = (client: string, count: number) =>
  Array.from({ length: count }, (_, index) =>
    auditEntry({
      event: 'refusal',
      client,
      action: 'rotate',
      resource: `${client}/${index}`,
      outcome: 'denied',
    }),
  );

t.test(
  'each denied name has its record, until a client is past its share; then sums stand for them',
  async t => {
    const { summary, written, timers, pass } = setup();
    t.equal(summary.take('a', denied('a', 100)).length, 100);
    t.equal(summary.take('a', denied('a', 90)).length, 90);
    t.equal(summary.take('a', denied('a', 100)).length, 10, 'the rest of its share');
    t.equal(summary.take('a', denied('a', 100)).length, 0);
    t.equal(summary.take('b', denied('b', 1)).length, 1, 'another client has a share of its own');
    t.same(written, []);
    timers[0]?.();
    t.match(written, [
      {
        event: 'denials_summed',
        client: 'a',
        action: 'rotate',
        decision: 'deny',
        outcome: 'denied',
        detail: { count: 190, requests: 2, names: 'a/10 a/11 a/12 a/13 a/14' },
      },
    ]);
    t.equal(written.length, 1);
    pass(3 * 60_000);
    t.equal(summary.take('a', denied('a', 100)).length, 30, 'ten more a minute');
    summary.close();
    t.match(written[1], { detail: { count: 70, requests: 1 } }, 'the end of the service writes the sums');
  },
);

t.test('an hour of denials takes little of the disk', async t => {
  const { summary, written, timers, pass } = setup();
  let bytes = 0;
  const long = (client: string) =>
    denied(client, 100).map(entry => ({ ...entry, resource: 'n'.repeat(256) }));
  for (let second = 0; second < 3600; second++) {
    bytes += JSON.stringify(summary.take('a', long('a'))).length;
    pass(1000);
    if (second % 60 === 59) for (const task of timers.splice(0)) task();
  }
  bytes += JSON.stringify(written).length;
  t.ok(bytes < 1_000_000, `${bytes} bytes; a record for each name would take over 200 MB`);
  const records = written.reduce((sum, { detail }) => sum + Number(detail?.['count']), 0);
  t.ok(records > 355_000, 'and every name is counted');
});

t.test('while the log cannot be written, sums wait', async t => {
  const { summary, written, timers, trail } = setup();
  summary.take('a', denied('a', 250));
  trail.writable = false;
  timers.splice(0)[0]?.();
  t.same(written, []);
  trail.writable = true;
  timers.splice(0)[0]?.();
  t.match(written, [{ detail: { count: 50 } }]);
});
