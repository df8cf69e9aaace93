/** What is destroyed leaves the files: their bytes are searched for it. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { noSpan } from '../../telemetry/tracing.ts';
import { headerCaller, openTestVault, type TestVault } from '../vault/fixture.ts';

const folders = t.testdir();
const admin = headerCaller('admin');
const policy = 'clients: { admin: { allow: ["*", "purge *"] } }';
const lengths = [1, 100, 1000, 5000, 60_000];
const names = lengths.map(length => `length/${length}`);

async function setup(
  t: Test,
): Promise<TestVault & { readonly path: string; readonly clock: { now: number } }> {
  const folder = mkdtempSync(join(folders, 'vault-'));
  const clock = { now: Date.UTC(2026, 0, 1) };
  const opened = await openTestVault({ folder, policy, now: () => clock.now });
  t.teardown(() => opened.close());
  for (const [index, name] of names.entries()) {
    await opened.vault.create(admin, name, { value: 'v'.repeat(lengths[index] ?? 1) });
    await opened.vault.create(admin, `kept/${name}`, { value: 'k'.repeat(lengths[index] ?? 1) });
  }
  return { ...opened, path: join(folder, 'data/vault.db'), clock };
}

/** The sealed bytes of all versions of the names. */
function sealedOf(path: string, wanted: readonly string[]): Buffer[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare('SELECT name, sealed FROM versions WHERE sealed IS NOT NULL').all();
  database.close();
  return rows.flatMap(({ name, sealed }) =>
    wanted.includes(String(name)) && sealed instanceof Uint8Array ? [Buffer.from(sealed)] : [],
  );
}

/** How many of the values are in the files, by their first bytes, their last ones, or some between. */
function left(path: string, values: readonly Buffer[]): number {
  // By another process: to close a file here would let go of SQLite's locks on it.
  const files = [path, `${path}-wal`, `${path}-shm`]
    .filter(existsSync)
    .map(file => execFileSync('cat', [file], { maxBuffer: 1e8 }));
  const pieces = (value: Buffer) =>
    [0, value.length >> 1, value.length - 12].map(at => value.subarray(at, at + 12));
  return values.filter(value => files.some(file => pieces(value).some(piece => file.includes(piece)))).length;
}

t.test('a purge that is done has left no byte of the values in the files', async t => {
  const { path, vault } = await setup(t);
  const [gone, kept] = [
    sealedOf(path, names),
    sealedOf(
      path,
      names.map(name => `kept/${name}`),
    ),
  ];
  t.equal(left(path, gone), names.length, 'the search finds what is there');
  for (const name of names) t.equal(await vault.purge(admin, name), true, name);
  t.equal(left(path, gone), 0);
  t.equal(left(path, kept), names.length);
});

t.test('while another reader needs older pages, the purge says so, and the values leave later', async t => {
  const { path, vault } = await setup(t);
  const gone = sealedOf(path, names);
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM versions').get();
  t.equal(await vault.purge(admin, names[0] ?? ''), false);
  reader.close();
  await vault.upkeep.destroyEnded(10, noSpan);
  t.equal(left(path, gone.slice(0, 1)), 0);
});

t.test('a version whose grace is over has left the files', async t => {
  const { clock, path, vault } = await setup(t);
  await vault.rotate(admin, names, null);
  const generated = sealedOf(path, names).slice(-names.length);
  await vault.rotate(admin, names, null);
  clock.now += 1;
  t.equal(await vault.upkeep.destroyEnded(100, noSpan), names.length);
  t.equal(left(path, generated), 0);
});
