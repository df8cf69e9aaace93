/**
 * Which folders are synced: what is created, renamed or removed is durable only with its folder. The calls are watched on
 * their way to the system.
 */
import fs, { type PathLike } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';

const paths = new Map<number, string>();
let synced: string[] = [];
const { fsyncSync, openSync } = fs;
fs.openSync = (path: PathLike, ...rest: [fs.OpenMode, (fs.Mode | null)?]) => {
  const descriptor = openSync(path, ...rest);
  paths.set(descriptor, String(path));
  return descriptor;
};
fs.fsyncSync = descriptor => {
  synced.push(paths.get(descriptor) ?? '');
  fsyncSync(descriptor);
};
const { open } = fsPromises;
fsPromises.open = async (path: PathLike, ...rest) => {
  const handle = await open(path, ...rest);
  const sync = handle.sync.bind(handle);
  handle.sync = () => {
    synced.push(String(path));
    return sync();
  };
  return handle;
};
syncBuiltinESMExports();

const { makeFolder } = await import('../src/durable-folders.ts');
const { createPrivateFile, replacePrivateFile } = await import('../src/vault/private-file.ts');
const { createDatabaseFile } = await import('../src/store/database.ts');
const { appendReads, Fixture } = await import('./audit/fixture.ts');

/** What `work` syncs, files and folders. */
async function syncsOf(work: () => unknown): Promise<string[]> {
  synced = [];
  await work();
  return synced;
}

function includesAll(t: Test, found: readonly string[], wanted: readonly string[]): void {
  for (const path of wanted) t.ok(found.includes(path), `${path} is synced`);
}

t.test('every folder that gets an entry is synced', async t => {
  const top = t.testdir();
  const deep = join(top, 'a/b/c');
  const parents = [top, join(top, 'a'), join(top, 'a/b')];
  includesAll(t, await syncsOf(() => makeFolder(deep)), parents);
  includesAll(t, await syncsOf(() => makeFolder(deep)), [join(top, 'a/b')]);

  const key = join(top, 'keys/deep/master.key');
  const inKeys = [top, join(top, 'keys'), join(top, 'keys/deep')];
  includesAll(t, await syncsOf(() => createPrivateFile(key, Buffer.from('k'))), inKeys);
  includesAll(t, await syncsOf(() => replacePrivateFile(key, Buffer.from('l'))), [dirname(key)]);

  const vault = join(top, 'data/deep/vault.db');
  const inData = [top, join(top, 'data'), join(top, 'data/deep')];
  includesAll(t, await syncsOf(() => createDatabaseFile(vault)), inData);
});

t.test('the audit folder, its parents, a new segment and what a start sets aside', async t => {
  const top = t.testdir();
  const audit = new Fixture(join(top, 'x/y/audit'));
  const made = await syncsOf(async () => {
    const log = await audit.open();
    await appendReads(log, 1);
    await log.close();
  });
  includesAll(t, made, [top, join(top, 'x'), join(top, 'x/y'), audit.folder]);

  fs.appendFileSync(audit.path(audit.files()[0]), 'torn');
  const opening = 'audit-0000000000000999.jsonl';
  fs.writeFileSync(audit.path(opening), '');
  const setAside = await syncsOf(async () => {
    const log = await audit.open();
    await log.close();
  });
  t.ok(audit.files().includes(`${opening}.1.torn`));
  const at = setAside.indexOf(audit.path(`${opening}.1.torn`));
  t.ok(at !== -1 && setAside.indexOf(audit.folder, at) > at, 'the folder after the file in it');
});
