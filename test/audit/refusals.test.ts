import t from 'tap';
import type { AuditEntry, AuditTrail } from '../../src/audit/record.ts';
import { RefusalSummary } from '../../src/audit/refusals.ts';
import { ServiceError } from '../../src/errors.ts';
import { createFixture, entry } from './fixture.ts';

class Minutes {
  #task: (() => void) | null = null;
  waiting = 0;

  readonly delay = (milliseconds: number, task: () => void) => {
    t.equal(milliseconds, 60_000);
    this.#task = task;
    this.waiting += 1;
    return () => {
      this.#task = null;
    };
  };

  pass(): void {
    const task = this.#task;
    this.#task = null;
    task?.();
  }
}

class Trail implements AuditTrail {
  readonly entries: AuditEntry[] = [];
  writable = true;

  append(entries: readonly AuditEntry[]) {
    if (!this.writable) throw new ServiceError('unavailable');
    this.entries.push(...entries);
    return { seq: this.entries.length, hash: '', durable: Promise.resolve({ started: 0 }) };
  }
}

const refusal = (remoteAddress: string, outcome = 'no_credential') =>
  entry({ event: 'refusal', client: null, decision: 'deny', remote_addr: remoteAddress, outcome });

t.test('the first refusal is written at once, its repeats as a sum at the end of the minute', async t => {
  const trail = new Trail();
  const minutes = new Minutes();
  const refusals = new RefusalSummary(trail, minutes.delay);
  for (let count = 0; count < 5; count += 1) await refusals.record(refusal('10.0.0.1'));
  await refusals.record(refusal('10.0.0.1', 'bad_token'));
  await refusals.record(refusal('10.0.0.2'));
  t.same(
    trail.entries.map(({ event, remote_addr, outcome }) => [event, remote_addr, outcome]),
    [
      ['refusal', '10.0.0.1', 'no_credential'],
      ['refusal', '10.0.0.1', 'bad_token'],
      ['refusal', '10.0.0.2', 'no_credential'],
    ],
  );
  minutes.pass();
  t.match(trail.entries.slice(3), [
    {
      event: 'refusals_summed',
      remote_addr: '10.0.0.1',
      outcome: 'no_credential',
      decision: 'deny',
      detail: { count: 4 },
    },
  ]);
  t.equal(trail.entries.length, 4);
  await refusals.record(refusal('10.0.0.1'));
  t.equal(trail.entries.at(-1)?.event, 'refusal', 'the next minute begins anew');
  t.equal(minutes.waiting, 2);
});

t.test('no more than a thousand senders are told apart', async t => {
  const trail = new Trail();
  const minutes = new Minutes();
  const refusals = new RefusalSummary(trail, minutes.delay);
  for (let sender = 0; sender < 1500; sender += 1) await refusals.record(refusal(`10.0.0.${sender}`));
  t.equal(trail.entries.length, 1000);
  await refusals.record(refusal('10.0.0.3'));
  minutes.pass();
  t.match(trail.entries.slice(1000), [
    { remote_addr: '10.0.0.3', detail: { count: 1 } },
    { remote_addr: 'other', outcome: 'other', detail: { count: 500 } },
  ]);
});

t.test('a log that cannot be written refuses the first, and gets the sums when it can', async t => {
  const trail = new Trail();
  const minutes = new Minutes();
  const refusals = new RefusalSummary(trail, minutes.delay);
  await refusals.record(refusal('10.0.0.1'));
  await refusals.record(refusal('10.0.0.1'));
  trail.writable = false;
  await t.rejects(refusals.record(refusal('10.0.0.2')), { code: 'unavailable' });
  minutes.pass();
  t.equal(trail.entries.length, 1);
  trail.writable = true;
  await refusals.record(refusal('10.0.0.1'));
  minutes.pass();
  t.match(trail.entries.at(-1), { event: 'refusals_summed', detail: { count: 2 } });
});

t.test('closing writes the sums into the log before it ends', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  const refusals = new RefusalSummary(log);
  for (let count = 0; count < 3; count += 1) await refusals.record(refusal('::1'));
  refusals.close();
  await log.close();
  t.equal(audit.metrics.written, 2);
  t.match(audit.lines(audit.files()[0])[3], '"detail":{"count":2}');
});
