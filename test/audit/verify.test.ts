import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { chainStart, encodeRecord } from '../../src/audit/chain.ts';
import { verifyAudit } from '../../src/audit/verify.ts';
import {
  appendChange,
  appendReads,
  createFixture,
  entry,
  type Fixture,
  keys,
  prove,
  vaultId,
} from './fixture.ts';

type Context = Parameters<typeof createFixture>[0];

/** Three segments and more, closed: 20 reads and 2 changes. */
async function filled(t: Context): Promise<Fixture> {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  await appendReads(log, 10);
  await appendChange(log, audit.registry, 'op-1');
  await appendReads(log, 10);
  await appendChange(log, audit.registry, 'op-2');
  await log.close();
  return audit;
}

function rewrite(audit: Fixture, file: string | undefined, change: (lines: string[]) => string[]): void {
  const lines = change(audit.lines(file));
  writeFileSync(audit.path(file), lines.map(line => `${line}\n`).join(''));
}

/** Makes the chain whole again after a change, as someone without the signing key can. */
function rechain(lines: readonly string[], change: (line: string) => string): string[] {
  let position = chainStart;
  return lines.map(line => {
    const { seq, time, prev, hash, ...fields } = JSON.parse(change(line));
    const record = encodeRecord(position, time, fields);
    position = record.position;
    return record.line.slice(0, -1);
  });
}

t.test('a whole log has no problems', async t => {
  const audit = await filled(t);
  const segments = audit.files().length;
  t.ok(segments >= 3);
  t.match(await audit.verify(), { records: 24, segments, checkpoints: segments, problems: { length: 0 } });
  t.same((await audit.verify(null)).problems, [], 'nor without the vault');
});

t.test('every flipped byte is seen', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendReads(log, 1);
  await log.close();
  const path = audit.path(audit.files()[0]);
  const whole = readFileSync(path);
  for (let index = 0; index < whole.length; index += 7) {
    const damaged = Buffer.from(whole);
    damaged[index] = (damaged[index] ?? 0) ^ 0x20;
    writeFileSync(path, damaged);
    const { problems } = await audit.verify();
    if (problems.length === 0) t.fail(`byte ${index}`);
  }
  writeFileSync(path, whole);
  t.same((await audit.verify()).problems, []);
});

t.test('a line that was dropped, moved, doubled or cut short', async t => {
  const tampered: Record<string, (lines: string[]) => string[]> = {
    dropped: lines => lines.toSpliced(3, 1),
    moved: ([first = '', second = '', third = '', ...rest]) => [first, third, second, ...rest],
    doubled: lines => lines.toSpliced(3, 0, lines[2] ?? ''),
  };
  for (const [name, change] of Object.entries(tampered)) {
    await t.test(name, async t => {
      const audit = await filled(t);
      const [file] = audit.files();
      rewrite(audit, file, change);
      const { problems } = await audit.verify();
      t.match(problems[0], { file, line: name === 'moved' ? 2 : 4, reason: /stands where/ });
    });
  }
  await t.test('cut short', async t => {
    const audit = await filled(t);
    const last = audit.files().at(-1);
    writeFileSync(audit.path(last), readFileSync(audit.path(last)).subarray(0, -1));
    t.match((await audit.verify()).problems[0], { file: last, reason: 'the line has no end' });
  });
});

t.test('one fault is one problem', async t => {
  const audit = await filled(t);
  const [file] = audit.files();
  rewrite(audit, file, lines =>
    lines.map((line, index) => (index === 2 ? line.replace('2026', '2025') : line)),
  );
  t.same((await audit.verify()).problems, [{ file, line: 3, reason: 'the content does not match its hash' }]);
});

t.test('deleted segments', async t => {
  const middle = await filled(t);
  rmSync(middle.path(middle.files()[1]));
  const { problems } = await middle.verify();
  t.match(problems, [{ line: 0, reason: 'the vault remembers this segment, and it is missing' }]);
  t.match((await middle.verify(null)).problems, [
    { line: 0, reason: /^records \d+ to \d+ are missing at its end/ },
  ]);

  const last = await filled(t);
  const file = last.files().at(-1);
  rmSync(last.path(file));
  t.match((await last.verify()).problems, [{ file, line: 0, reason: /it is missing/ }]);
});

t.test('a cut end is seen by what the vault remembers', async t => {
  const audit = await filled(t);
  rewrite(audit, audit.files().at(-1), lines => lines.slice(0, -1));
  t.match((await audit.verify()).problems, [{ line: 0, reason: /cut off/ }]);
  t.same((await audit.verify(null)).problems, [], 'and by nothing else');
});

t.test('a chain that was made anew is seen by its checkpoints and by the vault', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendReads(log, 2);
  await log.close();
  const [file] = audit.files();
  rewrite(audit, file, lines => rechain(lines, line => line.replace('"web"', '"cron"')));
  t.match((await audit.verify(null)).problems, [
    { file, line: 3, reason: 'the proof is wrong: the service did not write it' },
    { file, line: 5, reason: 'the proof is wrong: the service did not write it' },
    { file, line: 6, reason: 'the signature of the checkpoint is wrong' },
  ]);
  t.equal((await audit.verify()).problems.length, 4);
});

t.test('a foreign segment, vault or key', async t => {
  const other = await filled(t);
  const foreign = readFileSync(other.path(other.files()[0]));
  const audit = await filled(t);
  writeFileSync(audit.path('audit-0000000000009999.jsonl'), foreign);
  const reasons = (await audit.verify()).problems.map(problem => problem.reason).join('; ');
  t.match(reasons, /the vault does not know this segment/);
  t.match(reasons, /record 1 stands where/);

  const whole = await filled(t);
  const { folder } = whole;
  const { publicKey } = generateKeyPairSync('ed25519');
  const asOther = await verifyAudit({ folder, vaultId, publicKey, prove, facts: null });
  t.match(asOther.problems[0], { line: 1, reason: 'the segment names another signing key' });
  t.equal(asOther.checkpoints, 0);
  const inOther = await verifyAudit({
    folder,
    vaultId: 'other',
    publicKey: keys.publicKey,
    prove,
    facts: null,
  });
  t.match(inOther.problems[0], { line: 1, reason: 'the segment belongs to another vault' });
});

t.test('what is just being written is no problem', async t => {
  const audit = await filled(t);
  const last = audit.files().at(-1);
  const [line = ''] = audit.lines(last);
  appendFileSync(audit.path(last), line.slice(0, 60));
  t.same((await audit.verify()).problems, []);
  t.match((await audit.verify(null)).problems, [{ file: last, reason: 'the line has no end' }]);
  truncateSync(audit.path(last), readFileSync(audit.path(last)).length - 60);

  const log = await audit.open({ segmentBytes: 1 });
  const beforeOpening = { ...audit.registry.facts, segments: audit.registry.segments.slice(0, -1) };
  t.same((await audit.verify(beforeOpening)).problems, []);
  await log.close();
  t.match((await audit.verify(beforeOpening)).problems, [{ reason: 'the vault does not know this segment' }]);
});

t.test('the vault remembers another log', async t => {
  const audit = await filled(t);
  const { segments, position, lastIntent } = audit.registry.facts;
  const moved = segments.map(segment => ({ ...segment, previousHash: 'e'.repeat(64) }));
  const facts = {
    segments: moved,
    position: position && { ...position, hash: 'e'.repeat(64) },
    lastIntent,
    commits: null,
  };
  const { problems } = await audit.verify(facts);
  t.equal(problems.length, segments.length + 1);
  t.match(problems.at(-1), { reason: 'the vault remembers another record with this number' });
});

t.test('changes that the vault does not hold, and outcomes of nothing', async t => {
  const audit = await filled(t);
  const older = { ...audit.registry.facts, lastIntent: null };
  t.match((await audit.verify(older)).problems, [{ line: 0, reason: /the vault is an older one/ }]);

  const log = await audit.open();
  await log.append([entry({ event: 'outcome', op_id: 'op-9' })]).durable;
  await log.close();
  t.match((await audit.verify()).problems, [{ reason: 'the outcome has no intent before it' }]);
});
