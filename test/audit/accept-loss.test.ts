import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import t, { type Test } from 'tap';
import { type AcceptOptions, findInterrupted, finish, prepare } from '../../src/audit/accept.ts';
import { examineLosses } from '../../src/audit/examination.ts';
import { StartError } from '../../src/errors.ts';
import { stackTimeout } from '../stack/tools.ts';
import {
  appendChange,
  appendReads,
  createFixture,
  entry,
  type Fixture,
  keys,
  prove,
  signWith,
  vaultId,
} from './fixture.ts';

t.setTimeout(stackTimeout);

/** A log of at least five segments with reads and changes, closed. */
async function filled(t: Test): Promise<Fixture> {
  const audit = createFixture(t);
  const log = await audit.open({ segmentBytes: 4000 });
  for (let round = 0; round < 4; round += 1) {
    await appendReads(log, 4);
    await appendChange(log, audit.registry, `op-${round}`);
  }
  while (audit.lines(audit.files().at(-1)).length < 3) await appendReads(log, 1);
  await log.close();
  t.ok(audit.files().length >= 5, 'a slow machine signs more often, and has more segments');
  return audit;
}

function optionsOf(audit: Fixture): AcceptOptions {
  return {
    folder: audit.folder,
    vaultId,
    publicKey: keys.publicKey,
    sign: signWith(keys.privateKey),
    clock: () => Date.UTC(2026, 5, 1),
    registry: audit.registry,
  };
}

function examine(audit: Fixture) {
  const { folder } = audit;
  return examineLosses({ folder, vaultId, publicKey: keys.publicKey, prove }, audit.registry);
}

async function accept(audit: Fixture, reason: string): Promise<void> {
  const options = optionsOf(audit);
  const interrupted = await findInterrupted(options);
  if (interrupted !== null) return await finish(options, interrupted);
  await finish(options, await prepare(options, await examine(audit), reason, []));
}

/** A start works, the chain goes on, and verification reports the accepted losses and nothing else. */
async function continues(t: Test, audit: Fixture, notes: readonly RegExp[]): Promise<void> {
  const last = audit.registry.position?.seq ?? 0;
  const log = await audit.open();
  await appendReads(log, 2);
  await appendChange(log, audit.registry, `after-${last}`);
  await log.close();
  const report = await audit.verify();
  t.same(report.problems, []);
  t.match(report.notes, notes);
  t.equal(report.notes.length, notes.length);
  t.same((await audit.verify(null)).problems, [], 'nor without the vault');
  t.ok((audit.registry.position?.seq ?? 0) > last);
  t.same((await examine(audit)).losses, [], 'there is nothing more to accept');
}

function editLines(audit: Fixture, file: string | undefined, edit: (lines: string[]) => string[]): void {
  writeFileSync(
    audit.path(file),
    edit(audit.lines(file))
      .map(line => `${line}\n`)
      .join(''),
  );
}

function flip(audit: Fixture, file: string | undefined): void {
  editLines(audit, file, lines => lines.with(2, (lines[2] ?? '').replace('2026', '2025')));
}

interface Damage {
  readonly damage: (audit: Fixture) => void | Promise<void>;
  /** One for each line of the report; for a log of so many segments. */
  readonly notes: (segments: number) => readonly RegExp[];
  /** False where only a whole reading sees it. */
  readonly refused?: false;
}

const missing =
  /accepted loss: audit-\d+\.jsonl: records? .* missing; accepted at 2026-06-01T00:00:00.000Z with record \d+: "the disk died"/;
const damaged = /accepted loss: .* cannot be trusted: the file is damaged or was edited; .* "the disk died"/;
const foreign =
  /accepted loss: .* is not a segment of this log, and is in audit-.*\.foreign\.1; .* "the disk died"/;
const older = /accepted loss: .* the vault is older than the log/;

const damages: Record<string, Damage> = {
  'the whole log is gone': {
    damage: audit => rmSync(audit.folder, { recursive: true }),
    notes: segments => Array(segments).fill(missing),
  },
  'the first segment is missing': {
    damage: audit => rmSync(audit.path(audit.files()[0])),
    notes: () => [missing],
  },
  'a middle segment is missing': {
    damage: audit => rmSync(audit.path(audit.files()[2])),
    notes: () => [missing],
  },
  'the last segment is missing': {
    damage: audit => rmSync(audit.path(audit.files().at(-1))),
    notes: () => [missing],
  },
  'two segments in a row are missing': {
    damage: audit => {
      for (const file of audit.files().slice(1, 3)) rmSync(audit.path(file));
    },
    notes: () => [missing, missing],
  },
  'a segment is missing, and the one before it is cut': {
    damage: audit => {
      const [, cut, gone] = audit.files();
      editLines(audit, cut, lines => lines.slice(0, -2));
      rmSync(audit.path(gone));
    },
    notes: () => [missing, missing],
  },
  'an edited line in the middle': {
    damage: audit => flip(audit, audit.files()[1]),
    notes: () => [damaged],
    refused: false,
  },
  'lines dropped in the middle': {
    damage: audit => editLines(audit, audit.files()[1], lines => lines.toSpliced(2, 2)),
    notes: () => [damaged],
    refused: false,
  },
  'the end of a middle segment is cut': {
    damage: audit => editLines(audit, audit.files()[1], lines => lines.slice(0, -2)),
    notes: () => [missing],
    refused: false,
  },
  'a middle segment is empty': {
    damage: audit => truncateSync(audit.path(audit.files()[1])),
    notes: () => [missing],
    refused: false,
  },
  'an edited line in the last segment': {
    damage: audit => flip(audit, audit.files().at(-1)),
    notes: () => [damaged],
  },
  'the last segment is cut at a line': {
    damage: audit => editLines(audit, audit.files().at(-1), lines => lines.slice(0, -2)),
    notes: () => [missing],
  },
  'the last segment is cut in a line': {
    damage: audit => {
      const file = audit.path(audit.files().at(-1));
      truncateSync(file, readFileSync(file).length - 100);
    },
    notes: () => [damaged],
  },
  'the last segment is empty, as copytruncate leaves it': {
    damage: audit => truncateSync(audit.path(audit.files().at(-1))),
    notes: () => [missing],
  },
  'all but the last segment is missing, and that is edited': {
    damage: audit => {
      for (const file of audit.files().slice(0, -1)) rmSync(audit.path(file));
      flip(audit, audit.files()[0]);
    },
    notes: segments => [...Array(segments - 1).fill(missing), damaged],
  },
  'a foreign segment in the middle': {
    damage: audit => copyFileSync(audit.path(audit.files()[0]), audit.path('audit-0000000000000003.jsonl')),
    notes: () => [foreign],
  },
  'a foreign segment at the end': {
    damage: audit => copyFileSync(audit.path(audit.files()[0]), audit.path('audit-9999999999999999.jsonl')),
    notes: () => [foreign],
  },
  'a foreign segment where the next one belongs': {
    damage: async audit => {
      const next = `audit-${String((audit.registry.position?.seq ?? 0) + 1).padStart(16, '0')}.jsonl`;
      copyFileSync(audit.path(audit.files()[0]), audit.path(next));
    },
    notes: () => [foreign],
  },
  'a vault older than the last segments': {
    damage: audit => {
      audit.registry.segments = audit.registry.segments.slice(0, -2);
      audit.registry.position = null;
      audit.registry.intent = null;
    },
    notes: () => [older, older, older],
  },
  'a vault that lacks a change': {
    damage: async audit => {
      const log = await audit.open();
      const before = audit.registry.intent;
      await appendChange(log, audit.registry, 'op-lost');
      await log.close();
      audit.registry.intent = before;
    },
    notes: () => [older],
  },
};

for (const [what, { damage, notes, refused }] of Object.entries(damages)) {
  t.test(`after it was accepted, the log goes on: ${what}`, async t => {
    const audit = await filled(t);
    const segments = audit.files().length;
    await damage(audit);
    const error = await audit.open().catch((thrown: unknown) => thrown);
    if (refused !== false) {
      t.ok(error instanceof StartError, 'the start is refused');
      t.match(error, { message: /jarvis-secretsd audit accept-loss/ }, 'and names the way forward');
    } else if ('close' in (error as object)) await (error as { close(): Promise<void> }).close();
    t.not((await audit.verify()).problems.length, 0);
    await accept(audit, 'the disk died');
    await continues(t, audit, notes(segments));
  });
}

t.test('a whole log has nothing to accept, nor has one that a crash tore', async t => {
  const audit = await filled(t);
  t.same((await examine(audit)).losses, []);
  appendFileSync(audit.path(audit.files().at(-1)), '{"seq":');
  t.same((await examine(audit)).losses, []);
  const log = await audit.open();
  await log.append([entry({ event: 'intent', op_id: 'op-open' })]).durable;
  await log.close();
  t.same((await examine(audit)).losses, []);
});

t.test('what was accepted damaged must stay as it was; new losses are problems again', async t => {
  const audit = await filled(t);
  const [first, second, third] = audit.files();
  flip(audit, second);
  await accept(audit, 'the disk died');
  await continues(t, audit, [damaged]);
  editLines(audit, second, lines => lines.slice(0, -1));
  t.match((await audit.verify()).problems, [{ file: second }]);
  await accept(audit, 'again');
  rmSync(audit.path(first));
  t.match((await audit.verify()).problems, [{ file: first, reason: /it is missing/ }]);
  await accept(audit, 'and again');
  await continues(t, audit, [damaged, /"again"/, /"and again"/]);
  flip(audit, third);
  t.not((await audit.verify()).problems.length, 0);
});

t.test('a gap that was accepted may not grow', async t => {
  const audit = await filled(t);
  const [, second, third] = audit.files();
  rmSync(audit.path(third));
  await accept(audit, 'the disk died');
  t.same((await audit.verify()).problems, []);
  editLines(audit, second, lines => lines.slice(0, -1));
  t.match((await audit.verify()).problems, [{ file: second, reason: /missing at its end/ }]);
});

t.test('the segment that records the losses is lost, too', async t => {
  const audit = await filled(t);
  rmSync(audit.path(audit.files()[1]));
  await accept(audit, 'the disk died');
  rmSync(audit.path(audit.files().at(-1)));
  await t.rejects(audit.open(), StartError);
  await accept(audit, 'twice');
  await continues(t, audit, [/records .* missing; .*"twice"/, /records .* missing; .*"twice"/]);
});

t.test('an acceptance may be interrupted at any moment', async t => {
  const moments: Record<string, (audit: Fixture) => Promise<void>> = {
    'half of its records are written': async audit => {
      const { segment } = await prepare(optionsOf(audit), await examine(audit), 'the disk died', []);
      const file = audit.path(`${segment.file}.accepting`);
      truncateSync(file, readFileSync(file).length - 50);
    },
    'its records are written': async audit => {
      await prepare(optionsOf(audit), await examine(audit), 'the disk died', []);
    },
    'the vault refuses': async audit => {
      const registry = Object.assign(Object.create(audit.registry), {
        reviseAudit: async () => {
          throw new Error('the disk is full');
        },
      });
      const options = { ...optionsOf(audit), registry };
      const acceptance = await prepare(options, await examine(audit), 'the disk died', []);
      await t.rejects(finish(options, acceptance), { message: 'the disk is full' });
    },
    'the vault knows, and the segment has not its name yet': async audit => {
      const acceptance = await prepare(optionsOf(audit), await examine(audit), 'the disk died', []);
      await finish(optionsOf(audit), acceptance);
      const { file } = acceptance.segment;
      renameSync(audit.path(file), audit.path(`${file}.accepting`));
    },
  };
  for (const [moment, interrupt] of Object.entries(moments)) {
    await t.test(moment, async t => {
      const audit = await filled(t);
      const [, second] = audit.files();
      rmSync(audit.path(second));
      copyFileSync(audit.path(audit.files()[0]), audit.path('audit-9999999999999999.jsonl'));
      await interrupt(audit);
      await t.rejects(audit.open(), { name: 'StartError', message: /audit accept-loss/ });
      await accept(audit, 'the disk died');
      await continues(t, audit, [foreign, missing]);
    });
  }
});
