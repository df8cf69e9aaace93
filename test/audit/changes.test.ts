import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { AuditLog } from '../../src/audit/log.ts';
import { stackTimeout } from '../stack/tools.ts';
import { appendReads, createFixture, entry, type Fixture } from './fixture.ts';

t.setTimeout(stackTimeout);

/** The service looks at idle files every two seconds. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not happen');
    await delay(20);
  }
}

async function running(t: Test): Promise<{ audit: Fixture; log: AuditLog }> {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  await appendReads(log, 12);
  t.ok(audit.files().length >= 3);
  // With its checkpoint durable the log has nothing more to write.
  const last = () => JSON.parse(audit.lines(audit.files().at(-1)).at(-1) ?? '{}');
  await until(() => last().event === 'checkpoint' && last().seq === audit.registry.position?.seq);
  // A write looks at the file unless there was a look within 5 ms.
  await delay(20);
  return { audit, log };
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf('"time":"2026') + '"time":"202'.length;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

interface Change {
  readonly make: (path: string, folder: string) => void;
  readonly says: RegExp;
  /** Makes it as it was; the log goes on then. */
  readonly undo?: (path: string, folder: string, before: Buffer) => void;
}

const restore = (path: string, _folder: string, before: Buffer) => writeFileSync(path, before);
const changes: Record<string, Change> = {
  truncated: { make: path => truncateSync(path), says: /was truncated/, undo: restore },
  'cut at its end': {
    make: path => truncateSync(path, readFileSync(path).length - 10),
    says: /was truncated/,
    undo: restore,
  },
  'edited in place': { make: flip, says: /was edited/, undo: restore },
  removed: {
    make: path => rmSync(path),
    says: /is missing/,
    undo: (path, _folder, before) => writeFileSync(path, before, { mode: 0o600 }),
  },
  'replaced by rename': {
    make: path => {
      writeFileSync(`${path}.new`, 'nothing');
      renameSync(`${path}.new`, path);
    },
    says: /was removed or replaced/,
  },
  'open to other users': {
    make: path => chmodSync(path, 0o666),
    says: /is open to other users/,
    undo: path => chmodSync(path, 0o600),
  },
  'in a folder that was replaced': {
    make: (_path, folder) => {
      renameSync(folder, `${folder}.away`);
      mkdirSync(folder, { mode: 0o700 });
    },
    says: /was removed or replaced|is missing/,
    undo: (_path, folder) => {
      rmSync(folder, { recursive: true });
      renameSync(`${folder}.away`, folder);
    },
  },
};

for (const [which, pick] of [
  ['an older segment', (files: readonly string[]) => files[0]],
  ['the open segment', (files: readonly string[]) => files.at(-1)],
] as const) {
  for (const [what, { make, says, undo }] of Object.entries(changes)) {
    t.test(`${which} is ${what} while nothing is written`, async t => {
      const { audit, log } = await running(t);
      const path = audit.path(pick(audit.files()));
      const before = readFileSync(path);
      make(path, audit.folder);
      await until(() => !log.writable);
      t.equal(audit.metrics.filesChanged, 1);
      t.match(audit.reports[0], says);
      t.match(audit.reports[0], /jarvis-secretsd audit accept-loss/, 'says what to do');
      t.throws(() => log.append([entry()]), { code: 'unavailable' });
      if (undo !== undefined) {
        undo(path, audit.folder, before);
        await until(() => log.writable);
        await appendReads(log, 1);
      } else await t.rejects(log.probe(), { code: 'unavailable' });
      t.equal(audit.reports.length, 1, 'once');
      await log.close();
      if (undo !== undefined) t.match(await audit.verify(), { records: 13, problems: { length: 0 } });
    });
  }
}

t.test('copytruncate between two writes is noticed by the next one', async t => {
  const { audit, log } = await running(t);
  const file = audit.path(audit.files().at(-1));
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
  await t.rejects(log.append([entry()]).durable, {
    code: 'unavailable',
    cause: { message: /was truncated/ },
  });
  t.equal(readFileSync(file).length, 0, 'nothing is written after the cut');
  await log.close();
});

t.test('what somebody appends to the open segment is set aside, and the log goes on', async t => {
  const { audit, log } = await running(t);
  const file = audit.files().at(-1);
  appendFileSync(audit.path(file), 'somebody was here\n');
  await t.rejects(log.append([entry()]).durable, { code: 'unavailable' });
  await until(() => log.writable);
  t.equal(readFileSync(audit.path(`${file}.1.torn`), 'utf8'), 'somebody was here\n');
  await appendReads(log, 1);
  await log.close();
  t.match(await audit.verify(), { records: 13, problems: { length: 0 } });
});

t.test('links, times and harmless modes are no change', async t => {
  const { audit, log } = await running(t);
  for (const file of audit.files()) {
    linkSync(audit.path(file), `${audit.folder}-${file}`);
    utimesSync(audit.path(file), 1, 1);
    chmodSync(audit.path(file), 0o640);
  }
  await delay(3000);
  await appendReads(log, 1);
  t.ok(log.writable);
  t.same(audit.reports, []);
  await log.close();
});
