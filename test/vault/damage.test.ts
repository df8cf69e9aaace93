import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { runsOf } from '../stack/tools.ts';
import { headerCaller, openTestVault } from './fixture.ts';

// Of the whole file: a test's own folder is gone before its teardown closes the audit log.
const folders = t.testdir();
const admin = headerCaller('admin');
const hidden = headerCaller('web');
const policy = `
clients:
  admin: { allow: ["*"] }
  web: { allow: ["list *"], deny: ["s/0*"] }
`;
const names = Array.from({ length: 60 }, (_, index) => `s/${String(index).padStart(2, '0')}`);

const open = (folder: string) => openTestVault({ folder, policy, now: () => Date.UTC(2026, 0, 1) });

/** A vault with history, closed. */
const original = mkdtempSync(join(folders, 'original-'));
const first = await open(original);
for (const name of names) {
  await first.vault.create(admin, name, { value: `value of ${name}`, metadata: { owner: 'team' } });
}
for (const version of [2, 3]) {
  await first.vault.put(admin, 's/30', { value: `v${version}`, activate: true }, () => true);
}
await first.close();

function copy(): string {
  const folder = mkdtempSync(join(folders, 'copy-'));
  cpSync(original, folder, { recursive: true });
  return folder;
}

function alter(folder: string, sql: string): void {
  const database = new DatabaseSync(join(folder, 'data/vault.db'));
  database.exec(sql);
  database.close();
}

t.test('an altered row is reported by its list, and costs nothing else', async t => {
  for (const [what, sql] of [
    ['a head', "UPDATE heads SET metadata = '{}' WHERE name = 's/07'"],
    ['metadata that is no JSON', "UPDATE heads SET metadata = '{' WHERE name = 's/07'"],
    ['a version', "UPDATE versions SET kid = 'k9' WHERE name = 's/07'"],
    ['a version that is gone', "DELETE FROM versions WHERE name = 's/07'"],
  ] as const) {
    const folder = copy();
    alter(folder, sql);
    const { vault, close, records } = await open(folder);
    const page = await vault.list(admin, '', 100, null);
    t.same(page.damaged, ['s/07'], what);
    t.same(
      page.secrets.map(({ name }) => name),
      names.filter(name => name !== 's/07'),
    );
    t.match(records().at(-1), { event: 'list', outcome: 'ok', detail: { count: 59, damaged: 1 } });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const part = await vault.list(admin, '', 7, cursor);
      t.ok(part.secrets.length + part.damaged.length <= 7);
      seen.push(...part.secrets.map(({ name }) => name), ...part.damaged);
      cursor = part.nextCursor;
    } while (cursor !== null);
    t.same(seen.toSorted(), names, 'page by page, too');
    t.same((await vault.list(hidden, '', 100, null)).damaged, [], 'not to those who may not list the name');
    await t.rejects(vault.read(admin, 's/07', null, () => false));
    t.equal((await vault.read(admin, 's/08', null, () => false)).value, 'value of s/08');
    await close();
  }
});

t.test('an altered version is reported by the history of its secret', async t => {
  const folder = copy();
  alter(folder, "UPDATE versions SET created_at = created_at - 1 WHERE name = 's/30' AND version = 2");
  const { vault, close } = await open(folder);
  const page = await vault.versions(admin, 's/30', 100, null);
  t.same(page.damaged, [2]);
  t.same(
    page.versions.map(({ version }) => version),
    [1, 3],
  );
  const [one, two] = [
    await vault.versions(admin, 's/30', 1, null),
    await vault.versions(admin, 's/30', 2, null),
  ];
  t.same([one.versions.length, one.damaged], [1, []]);
  t.same([two.versions.length, two.damaged], [1, [2]]);
  t.ok(two.nextCursor);
  await close();
});

t.test('a flipped bit anywhere gives no wrong value, and lists miss nothing silently', async t => {
  const bytes = readFileSync(join(original, 'data/vault.db'));
  const flips = runsOf(160);
  let refused = 0;
  for (let flip = 0; flip < flips; flip++) {
    const folder = copy();
    const at = Math.floor(((flip + 0.5) / flips) * bytes.length * 8);
    const flipped = Buffer.from(bytes);
    flipped[at >> 3] = (flipped[at >> 3] ?? 0) ^ (1 << (at & 7));
    writeFileSync(join(folder, 'data/vault.db'), flipped);
    const opened = await open(folder).catch(() => null);
    if (opened === null) {
      refused += 1;
      continue;
    }
    const { vault, close } = opened;
    const page = await vault.list(admin, '', 100, null).catch((error: Error) => error);
    if (page instanceof Error) t.match(page, { code: 'unavailable' }, `bit ${at}: not the answer of a bug`);
    else {
      const told = new Set([...page.secrets.map(({ name }) => name), ...page.damaged]);
      t.same(
        names.filter(name => !told.has(name)),
        [],
        `bit ${at}`,
      );
    }
    for (const name of names.filter((_, index) => index % 10 === 0)) {
      const read = await vault.read(admin, name, null, () => false).catch(error => error);
      if (!(read instanceof Error)) t.match(read.value, name === 's/30' ? 'v3' : `value of ${name}`);
    }
    await close().catch(() => undefined);
  }
  t.ok(refused < flips / 2, `${refused} of ${flips} were refused at the start`);
});
