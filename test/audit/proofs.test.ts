import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { type ChainPosition, chainStart, encodeRecord, readLink } from '../../src/audit/chain.ts';
import { type AuditEntry, auditEntry } from '../../src/audit/record.ts';
import { keyFingerprint, proof, segmentFile, segmentOpened } from '../../src/audit/structure.ts';
import { appendChange, appendReads, createFixture, entry, type Fixture, keys, vaultId } from './fixture.ts';

const time = '2026-01-02T03:04:05.678Z';

/** Records that follow the last line of the file as somebody without the key makes them. */
function forge(audit: Fixture, file: string | undefined, entries: readonly AuditEntry[]): string {
  const last = readLink(Buffer.from(audit.lines(file).at(-1) ?? ''));
  let position: ChainPosition = last ?? chainStart;
  let text = '';
  for (const forged of entries) {
    const record = encodeRecord(position, time, forged);
    position = record.position;
    text += record.line;
  }
  return text;
}

async function closed(t: Test): Promise<Fixture> {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendReads(log, 3);
  await log.close();
  return audit;
}

t.test('every write ends with a proof or a checkpoint', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await Promise.all([appendReads(log, 2), appendReads(log, 2)]);
  await log.close();
  const events = audit.lines(audit.files()[0]).map(line => readLink(Buffer.from(line))?.event);
  t.same(events, ['segment_opened', 'read', 'read', 'proof', 'read', 'read', 'proof', 'checkpoint']);
  t.match(await audit.verify(), { records: 4, proofs: 2, checkpoints: 1, problems: { length: 0 } });
});

const forgeries: Record<string, readonly AuditEntry[]> = {
  'a record': [entry({ resource: 'forged' })],
  'a record and a made-up proof': [entry({ resource: 'forged' }), proof(Buffer.alloc(32))],
  'a change that never was': [
    entry({ event: 'intent', action: 'update', op_id: 'op-9', outcome: null }),
    entry({ event: 'outcome', action: 'update', op_id: 'op-9' }),
  ],
};

for (const [what, entries] of Object.entries(forgeries)) {
  t.test(`appended after a clean stop: ${what}`, async t => {
    const audit = await closed(t);
    const [file] = audit.files();
    const forged = forge(audit, file, entries);
    appendFileSync(audit.path(file), forged);
    const { problems } = await audit.verify();
    t.match(problems[0], { file, reason: /not proven to be the service's|the proof is wrong/ });

    const log = await audit.open();
    t.same(log.unfinishedIntents(), []);
    await log.close();
    const [, torn, next] = audit.files();
    t.equal(readFileSync(audit.path(torn), 'utf8'), forged, 'a start sets it aside');
    t.match(audit.lines(next)[1], `"event":"unproven_tail"`);
    const report = await audit.verify();
    t.same(report.problems, []);
    t.match(report.notes, [/^unproven: .* a start found record/]);
    t.equal(report.records, 3, 'and signs nothing of it');
  });
}

t.test('what was acknowledged before a crash is proven, and what a crash tore is set aside', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendReads(log, 3);
  await appendChange(log, audit.registry, 'op-1');
  const [file] = audit.files();
  const crashed = readFileSync(audit.path(file));
  await log.close();
  const whole = crashed.toString('utf8').split('\n').length - 1;
  audit.registry.position = null;

  writeFileSync(audit.path(file), crashed);
  t.same((await audit.verify()).problems, [], 'a killed service leaves a whole log');

  // The last write, cut at each of its lines.
  const lines = crashed.toString('utf8').split('\n');
  writeFileSync(audit.path(file), `${lines.slice(0, whole - 1).join('\n')}\n${'{"seq":'}`);
  const again = await audit.open();
  t.match(again.unfinishedIntents(), [{ entry: { op_id: 'op-1' } }], 'the outcome was not acknowledged');
  await again.close();
  t.same((await audit.verify()).problems, []);
});

t.test('records that a release without proofs acknowledged stay, and are said to be unproven', async t => {
  const audit = createFixture(t);
  await (await audit.open()).close();
  const [file] = audit.files();
  const header = segmentOpened({ vaultId, fingerprint: keyFingerprint(keys.publicKey) }, null, 1);
  const { proofs, ...detail } = header.detail ?? {};
  const opened = encodeRecord(chainStart, time, auditEntry({ event: 'segment_opened', detail }));
  const read = encodeRecord(opened.position, time, entry({ resource: 'acknowledged' }));
  const old = opened.line + read.line;
  audit.registry.segments = [{ file: segmentFile(1), firstSeq: 1, previousHash: chainStart.hash }];
  audit.registry.position = opened.position;
  writeFileSync(audit.path(file), old);
  t.same((await audit.verify()).problems, []);

  await (await audit.open()).close();
  const [first, second] = audit.files();
  t.equal(readFileSync(audit.path(first), 'utf8'), old);
  t.match(audit.lines(second)[0], '"proofs":"hmac-sha256"', 'the next segment has proofs');
  const report = await audit.verify();
  t.same(report.problems, []);
  t.match(report.notes, [/a start found records 2 to 2 without a proof; they stay/]);
  t.equal(audit.registry.segments.length, 2);
});
