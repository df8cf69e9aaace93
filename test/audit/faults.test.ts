import { execFile } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import type { AuditLog } from '../../src/audit/log.ts';
import { appendReads, createFixture, entry } from './fixture.ts';

const program = join(import.meta.dirname, 'children', 'run-into-failure.ts');

async function runIntoFailure(cause: string, limit: string): Promise<unknown> {
  // The test runner loads itself into every child, and there undoes that Node ignores SIGXFSZ.
  const command = `${limit} exec env -u NODE_OPTIONS "$0" "$@"`;
  const run = promisify(execFile);
  const { stdout } = await run('sh', ['-c', command, process.execPath, program, cause]);
  return JSON.parse(stdout);
}

async function untilWritable(log: AuditLog): Promise<void> {
  while (!log.writable) {
    await delay(20);
    await log.probe().catch(() => undefined);
  }
}

t.test('a segment that cannot be opened latches the log until it can', async t => {
  const seen = await runIntoFailure('unwritable-folder', '');
  t.match(seen, {
    code: 'unavailable',
    writable: false,
    refusal: 'unavailable',
    left: 0,
    problems: { length: 0 },
  });
  const { acknowledged, written, failed, records, files } = numbers(seen);
  t.ok(acknowledged > 4, 'the first segment takes what it has room for');
  t.equal(written, acknowledged + 1, 'all that was acknowledged, and one more after it');
  t.equal(records, written, 'no refused record is in the log');
  t.equal(failed, 3, 'two in the batch, one while latched');
  t.equal(files, 2);
});

t.test('a write that fails half-way leaves no trace', async t => {
  const seen = await runIntoFailure('file-limit', 'ulimit -f 40;');
  t.match(seen, {
    code: 'unavailable',
    writable: false,
    refusal: 'unavailable',
    left: 0,
    problems: { length: 0 },
  });
  const { acknowledged, written, failed, records, files } = numbers(seen);
  t.ok(acknowledged > 20);
  t.equal(written, acknowledged + 1);
  t.equal(records, written);
  t.equal(failed, 3);
  t.equal(files, 2, 'a segment in doubt is left behind');
});

t.test('a segment that is deleted while it is written latches the log', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendReads(log, 2);
  rmSync(audit.folder, { recursive: true });
  await t.rejects(log.append([entry(), entry()]).durable, {
    code: 'unavailable',
    message: /^The audit log cannot be written; /,
    cause: { message: /is missing: something else than the service/ },
  });
  t.notOk(log.writable);
  t.equal(audit.metrics.failed, 2);
  t.throws(() => log.append([entry()]), { code: 'unavailable' });
  t.equal(audit.metrics.failed, 3);
  await t.rejects(log.probe(), { code: 'unavailable' });
  t.equal(audit.metrics.written, 2);
  await log.close();
});

t.test('a folder that comes back is written again', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendReads(log, 2);
  renameSync(audit.folder, `${audit.folder}.away`);
  await t.rejects(log.probe(), { code: 'unavailable' });
  renameSync(`${audit.folder}.away`, audit.folder);
  await untilWritable(log);
  await appendReads(log, 1);
  await log.close();
  t.match(await audit.verify(), { records: 3, segments: 2, problems: { length: 0 } });
});

t.test('a checkpoint that was lost is made again', async t => {
  const audit = createFixture(t);
  const log = await audit.open();
  await appendReads(log, 1);
  renameSync(audit.folder, `${audit.folder}.away`);
  while (log.writable) await delay(20);
  renameSync(`${audit.folder}.away`, audit.folder);
  await untilWritable(log);
  await log.close();
  t.match(await audit.verify(), { records: 1, checkpoints: 1, problems: { length: 0 } });
});

t.test('a vault that does not register the next segment latches the log', async t => {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  const noteAudit = audit.registry.noteAudit.bind(audit.registry);
  let tries = 0;
  audit.registry.noteAudit = (_position, segment) => {
    if (segment !== undefined) tries += 1;
    return Promise.reject(new Error('the disk is full'));
  };
  await t.rejects(appendReads(log, 100), { code: 'unavailable', cause: { message: 'the disk is full' } });
  t.equal(tries, 1);
  for (let probe = 0; probe < 5; probe += 1) await t.rejects(log.probe(), { code: 'unavailable' });
  t.equal(tries, 2, 'a try is not repeated at once');
  const before = audit.metrics.written;
  audit.registry.noteAudit = noteAudit;
  await untilWritable(log);
  await appendReads(log, 1);
  await log.close();
  t.match(await audit.verify(), { records: before + 1, segments: 2, problems: { length: 0 } });
});

t.test('with sync = "changes" a failure refuses what waits for the write, too', async t => {
  const audit = createFixture(t);
  const log = await audit.open({ sync: 'changes' });
  await appendReads(log, 2);
  rmSync(audit.folder, { recursive: true });
  const change = log.append([entry({ event: 'refusal' })]);
  await t.rejects(change.durable, { code: 'unavailable' });
  t.equal(audit.metrics.failed, 3, 'the reads before it were not durable yet');
  t.throws(() => log.append([entry()]), { code: 'unavailable' });
  await log.close();
});

function numbers(seen: unknown): Record<'acknowledged' | 'written' | 'failed' | 'records' | 'files', number> {
  const facts = seen as Record<string, unknown>;
  const number = (name: string) => Number(facts[name]);
  return {
    acknowledged: number('acknowledged'),
    written: number('written'),
    failed: number('failed'),
    records: number('records'),
    files: number('files'),
  };
}
