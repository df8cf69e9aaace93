import { statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { appendReads, createFixture, entry } from './fixture.ts';

t.test('what is appended in one turn is one batch, and what comes during its fsync the next', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  const first = Array.from({ length: 50 }, () => log.append([entry()]));
  t.equal(new Set(first.map(record => record.durable)).size, 1, 'they share a promise');
  t.same(
    first.map(record => record.seq),
    Array.from({ length: 50 }, (_, index) => index + 2),
  );
  const [file] = audit.files();
  while (audit.lines(file).length < 51) await turn();
  const later = log.append([entry(), entry()]);
  t.equal(audit.metrics.flushes.length, 0, 'the first fsync still runs');
  await first[0]?.durable;
  t.equal(audit.metrics.flushes.length, 1);
  t.equal(audit.metrics.written, 50);
  await later.durable;
  t.equal(audit.metrics.flushes.length, 2);
  t.equal(audit.metrics.written, 52);
  t.ok(audit.metrics.flushes.every(seconds => seconds > 0 && seconds < 5));
  await log.close();
});

t.test('the records of one turn have one time', async t => {
  const audit = createFixture(t);
  let now = Date.UTC(2026, 0, 1);
  const log = await audit.open({ clock: () => now++ });
  log.append([entry()]);
  await log.append([entry()]).durable;
  await log.append([entry()]).durable;
  await log.close();
  const times = audit.lines(audit.files()[0]).map(line => /"time":"([^"]+)"/.exec(line)?.[1]);
  t.equal(times[1], times[2]);
  t.ok((times[3] ?? '') > (times[2] ?? ''));
});

t.test('records can be read back when they are durable, and by nobody else', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await log.append([entry({ resource: 'a' }), entry({ resource: 'b' })]).durable;
  const [file] = audit.files();
  t.match(audit.lines(file).at(-2), /"resource":"b"/);
  t.match(audit.lines(file).at(-1), /"event":"proof"/, 'a proof ends each write');
  t.equal(statSync(audit.folder).mode & 0o777, 0o700);
  t.equal(statSync(audit.path(file)).mode & 0o777, 0o600);
  t.match(log.fingerprint, /^[0-9a-f]{64}$/);
  await log.close();
});

t.test(
  'a full segment is followed by one that names it, registered before its records are acknowledged',
  async t => {
    const audit = createFixture(t);
    const log = await audit.open({ segmentBytes: 4000 });
    await Promise.all(Array.from({ length: 3 }, () => appendReads(log, 20)));
    await log.close();
    const files = audit.files();
    t.ok(files.length > 3);
    t.same(
      audit.registry.segments.map(segment => segment.file),
      files,
    );
    t.match(audit.lines(files[1])[0], `"event":"segment_opened"`);
    t.match(audit.lines(files[1])[0], `"follows":"${files[0]}"`);
    t.match(audit.lines(files[0]).at(-1), '"event":"checkpoint"');
    t.match(await audit.verify(), { records: 60, segments: files.length, problems: { length: 0 } });
    t.equal(audit.metrics.written, 60, 'structural records are not counted');
  },
);

t.test(
  'a second after new records there is a checkpoint, noted in the vault, and no other without more',
  async t => {
    const audit = createFixture(t);
    const log = await audit.open();
    const keptAlive = setTimeout(() => undefined, 4000);
    const noted = new Promise<void>(resolve => {
      audit.registry.onNote = resolve;
    });
    const { seq } = await append(log);
    await noted;
    clearTimeout(keptAlive);
    t.equal(audit.registry.position?.seq, seq + 2, 'after the record and its proof');
    t.match(await audit.verify(), { checkpoints: 1, problems: { length: 0 } });
    await log.close();
    t.equal(audit.registry.position?.seq, seq + 2, 'nothing came after the checkpoint');
  },
);

t.test('closing signs and notes what there is; nothing can be appended after it', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  const { seq } = log.append([entry()]);
  await log.close();
  await log.close();
  t.equal(audit.registry.position?.seq, seq + 1);
  t.equal(audit.metrics.written, 1);
  t.notOk(log.writable);
  t.throws(() => log.append([entry()]), { code: 'unavailable' });
  t.equal(audit.metrics.failed, 1);
  t.throws(() => log.append([]), RangeError);
});

t.test('with sync = "changes" reads wait for the write only, and all else for the fsync', async t => {
  const audit = createFixture(t);
  const log = await audit.open({ sync: 'changes' });
  await log.append([entry()]).durable;
  t.equal(audit.metrics.flushes.length, 0);
  t.match(audit.lines(audit.files()[0]).at(-2), '"event":"read"');
  await log.append([entry({ event: 'refusal', decision: 'deny' })]).durable;
  t.equal(audit.metrics.flushes.length, 1);
  t.equal(audit.metrics.written, 2, 'the fsync covers the read before it');

  const keptAlive = setTimeout(() => undefined, 4000);
  const noted = new Promise<void>(resolve => {
    audit.registry.onNote = resolve;
  });
  await log.append([entry()]).durable;
  t.equal(audit.metrics.flushes.length, 1);
  await noted;
  clearTimeout(keptAlive);
  t.equal(audit.metrics.flushes.length, 2, 'within a second');
  t.equal(audit.metrics.written, 3);
  await log.close();
});

t.test('with sync = "changes" full segments end as well', async t => {
  const audit = createFixture(t);
  const log = await audit.open({ sync: 'changes', segmentBytes: 4000 });
  for (let round = 0; round < 10; round += 1) {
    const change = log.append([entry({ event: 'refusal' })]);
    await appendReads(log, 5);
    await change.durable;
  }
  await log.close();
  t.ok(audit.files().length > 3);
  t.match(await audit.verify(), { records: 60, problems: { length: 0 } });
});

t.test('intents stay unfinished until their outcome is durable', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  const intent = (resource: string) => entry({ event: 'intent', op_id: 'op-1', resource });
  const announced = log.append([intent('a'), intent('b')]);
  await announced.durable;
  t.same(
    log.unfinishedIntents().map(open => [open.seq, open.entry.resource]),
    [
      [announced.seq - 1, 'a'],
      [announced.seq, 'b'],
    ],
  );
  await log.append([entry({ event: 'outcome', op_id: 'op-1', resource: 'a' })]).durable;
  t.match(log.unfinishedIntents(), [{ seq: announced.seq, hash: announced.hash }]);
  await log.append([entry({ event: 'outcome', op_id: 'op-1', resource: null })]).durable;
  t.same(log.unfinishedIntents(), []);
  await log.close();
});

async function append(log: Awaited<ReturnType<ReturnType<typeof createFixture>['open']>>) {
  const record = log.append([entry()]);
  await record.durable;
  return record;
}
