import { generateKeyPairSync } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import t from 'tap';
import { StartError } from '../../src/errors.ts';
import { appendChange, appendReads, createFixture, entry, type Fixture } from './fixture.ts';

/** A log of several segments, closed. */
async function filled(t: Parameters<typeof createFixture>[0]): Promise<Fixture> {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  await appendReads(log, 20);
  await log.close();
  return audit;
}

/** The start is refused with these words, and the folder stays as it was. */
async function refused(t: Parameters<typeof createFixture>[0], audit: Fixture, reason: RegExp) {
  const before = existsSync(audit.folder) ? audit.files() : null;
  const error = await audit.open().catch((thrown: unknown) => thrown);
  t.ok(error instanceof StartError);
  t.match(error, { message: reason });
  t.same(existsSync(audit.folder) ? audit.files() : null, before, 'nothing is created');
}

t.test('a log is continued in its last segment while that has room', async t => {
  const audit = createFixture(t);
  const first = await audit.open();
  await appendReads(first, 3);
  await first.close();
  const second = await audit.open();
  await appendReads(second, 3);
  await second.close();
  t.equal(audit.files().length, 1);
  t.match(await audit.verify(), { records: 6, checkpoints: 2, problems: { length: 0 } });
  const third = await audit.open({ segmentBytes: 100 });
  await third.close();
  t.equal(audit.files().length, 2);
  t.match(await audit.verify(), { records: 6, problems: { length: 0 } });
});

t.test('a torn end is set aside and recorded', async t => {
  const ends = {
    'half a line': '{"seq":6,"time":"2026',
    'bad JSON': '{"seq":6}\n',
    zeros: '\0'.repeat(9000),
  };
  for (const [name, end] of Object.entries(ends)) {
    await t.test(name, async t => {
      const audit = createFixture(t);
      const log = await audit.open();
      await appendReads(log, 3);
      await log.close();
      const [file] = audit.files();
      appendFileSync(audit.path(file), end);
      const again = await audit.open();
      await appendReads(again, 1);
      await again.close();
      const [, torn, next] = audit.files();
      t.equal(torn, `${file}.1.torn`);
      t.equal(readFileSync(audit.path(torn), 'utf8'), end);
      t.match(audit.lines(next)[1], `"event":"torn_tail","client":null`);
      t.match(audit.lines(next)[1], `"detail":{"file":"${file}","bytes":${end.length},"kept_as":"${torn}"}`);
      t.match(await audit.verify(), { records: 4, segments: 2, problems: { length: 0 } });
    });
  }
});

t.test('a segment whose opening a crash interrupted is set aside', async t => {
  for (const [name, bytes] of Object.entries({ empty: 0, 'half a header': 50 })) {
    await t.test(name, async t => {
      const audit = await filled(t);
      const header = audit.lines(audit.files()[1])[0] ?? '';
      writeFileSync(audit.path('audit-0000000000000999.jsonl'), header.slice(0, bytes));
      const log = await audit.open();
      await log.close();
      t.ok(audit.files().includes('audit-0000000000000999.jsonl.1.torn'));
      t.match(await audit.verify(), { records: 20, problems: { length: 0 } });
    });
  }
});

t.test('what the vault remembers must be there', async t => {
  await t.test('segment', async t => {
    const audit = await filled(t);
    const [first] = audit.files();
    rmSync(audit.path(first));
    await refused(t, audit, new RegExp(`${first} is missing, and the vault remembers it`));
  });

  await t.test('folder', async t => {
    const audit = await filled(t);
    rmSync(audit.folder, { recursive: true });
    await refused(t, audit, /is missing, and the vault remembers it/);
  });

  await t.test('end of the last segment', async t => {
    const audit = await filled(t);
    const last = audit.files().at(-1);
    const lines = audit.lines(last);
    writeFileSync(
      audit.path(last),
      lines
        .slice(0, -1)
        .map(line => `${line}\n`)
        .join(''),
    );
    await refused(t, audit, /was cut off/);
  });

  await t.test('end of the last line', async t => {
    const audit = await filled(t);
    const last = audit.path(audit.files().at(-1));
    truncateSync(last, readFileSync(last).length - 1);
    await refused(t, audit, /the line has no end/);
  });

  await t.test('intent of the last commit', async t => {
    const audit = createFixture(t);
    const log = await audit.open();
    await appendChange(log, audit.registry, 'op-1');
    await log.close();
    const position = audit.registry.segments[0];
    audit.registry.position = null;
    const [file] = audit.files();
    writeFileSync(audit.path(file), `${audit.lines(file)[0]}\n`);
    t.equal(position?.file, file);
    await refused(t, audit, /the vault remembers record 2/);
  });

  await t.test('record', async t => {
    const audit = await filled(t);
    audit.registry.position = { seq: audit.registry.position?.seq ?? 0, hash: 'a'.repeat(64) };
    await refused(t, audit, /is not the one that the vault remembers/);
  });
});

t.test('damage before the noted position is named with file and line', async t => {
  const audit = await filled(t);
  const last = audit.files().at(-1);
  const text = readFileSync(audit.path(last), 'utf8');
  writeFileSync(audit.path(last), text.replace('"time":"2026', '"time":"2025'));
  await refused(t, audit, new RegExp(`${last}, line 1: the content does not match its hash`));
});

t.test('a segment that the vault does not know is refused', async t => {
  const audit = await filled(t);
  audit.registry.segments.pop();
  audit.registry.position = null;
  await refused(t, audit, /does not know the audit segment/);
});

t.test('a log of another vault or key is refused', async t => {
  const audit = await filled(t);
  await t.rejects(audit.open({ vaultId: 'another' }), { message: /belongs to another vault/ });
  const { publicKey } = generateKeyPairSync('ed25519');
  await t.rejects(audit.open({ publicKey }), { message: /names another signing key/ });
});

t.test('a vault that lacks a change of the log was put back to an older state', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendChange(log, audit.registry, 'op-1');
  const older = audit.registry.intent;
  await appendChange(log, audit.registry, 'op-2');
  await log.append([entry({ event: 'intent', action: 'admin', op_id: 'op-3' })]).durable;
  await log.append([entry({ event: 'outcome', action: 'admin', op_id: 'op-3' })]).durable;
  await log.close();
  await (await audit.open()).close();
  audit.registry.intent = older;
  await refused(t, audit, /put back to an older state/);
});

t.test('intents are found again however many segments ago they were', async t => {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  const intent = log.append([entry({ event: 'intent', op_id: 'op-1', action: 'create' })]);
  await intent.durable;
  await appendReads(log, 40);
  await log.close();
  t.ok(audit.files().length > 4);
  const again = await audit.open();
  t.match(again.unfinishedIntents(), [{ seq: intent.seq, hash: intent.hash, entry: { action: 'create' } }]);
  await again.append([entry({ event: 'outcome', op_id: 'op-1', outcome: 'aborted' })]).durable;
  t.same(again.unfinishedIntents(), []);
  await again.close();
});

t.test('an intent that stays open is restated, so that a start reads two segments at the most', async t => {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  const facts = { event: 'intent', op_id: 'op-1', action: 'create', outcome: null };
  const first = log.append([entry({ ...facts, resource: 'a', detail: { token_id: 't-1' } })]);
  const second = log.append([entry({ ...facts, resource: 'b' })]);
  await second.durable;
  await appendReads(log, 40);
  t.match(log.unfinishedIntents(), [{ seq: first.seq }, { seq: second.seq }]);
  await log.close();
  const files = audit.files();
  for (const file of files.slice(0, -2)) {
    renameSync(audit.path(file), `${audit.folder}.${file}`);
    writeFileSync(audit.path(file), 'not read');
  }
  const again = await audit.open({ segmentBytes: 4000 });
  t.match(again.unfinishedIntents(), [
    { seq: first.seq, hash: first.hash, entry: { ...facts, resource: 'a', detail: { token_id: 't-1' } } },
    { seq: second.seq, hash: second.hash, entry: { ...facts, resource: 'b' } },
  ]);
  t.notOk(again.unfinishedIntents().some(({ entry }) => 'intent_seq' in (entry.detail ?? {})));
  await again.append([entry({ event: 'outcome', op_id: 'op-1', resource: null })]).durable;
  t.same(again.unfinishedIntents(), []);
  await again.close();
  for (const file of files.slice(0, -2)) renameSync(`${audit.folder}.${file}`, audit.path(file));
  t.same((await audit.verify()).problems, []);
});

t.test('a segment with restated intents whose opening a crash interrupted is set aside', async t => {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  await log.append([entry({ event: 'intent', op_id: 'op-1', action: 'create' })]).durable;
  const restates = (file?: string) => /"event":"intent_restated"/.test(audit.lines(file)[1] ?? '');
  while (!restates(audit.files().at(-1))) await appendReads(log, 1);
  await log.close();
  const [last, ...others] = audit.files().reverse();
  const lines = audit.lines(last);
  t.match(lines[1], '"event":"intent_restated"');
  writeFileSync(audit.path(last), `${lines[0]}\n${lines[1]}\n`);
  audit.registry.segments.pop();
  const before = audit.lines(others[0]).at(-1) ?? '';
  audit.registry.position = JSON.parse(before);
  t.same((await audit.verify()).problems, []);
  const again = await audit.open();
  t.match(again.unfinishedIntents(), [{ entry: { op_id: 'op-1' } }]);
  await again.close();
  t.ok(audit.files().includes(`${last}.1.torn`));
  t.same((await audit.verify()).problems, []);
});

t.test('segments long past are not read', async t => {
  const audit = await filled(t);
  const [first] = audit.files();
  renameSync(audit.path(first), audit.path('elsewhere'));
  writeFileSync(audit.path(first), 'not a log');
  const log = await audit.open();
  await log.close();
  t.match(await audit.verify(), { problems: [{ file: first, line: 1 }] });
});
