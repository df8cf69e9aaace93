/** One release back and forth: the release before is commit 027d9e7, and the data folder that it left is in test/fixtures. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { isRunning, ServiceChain } from '../helpers/chain.ts';
import {
  askedService,
  checkout,
  type Installation,
  install,
  runCommand,
  startService,
} from '../helpers/service.ts';

t.setTimeout(600_000);

const releaseBefore = '027d9e7';
const fixture = join(checkout, 'test/fixtures/release-0.2.1');
const segment = 'audit-0000000000000001.jsonl';

/** What the release before stored, by path; null for what it deleted or purged. */
const stored: Readonly<Record<string, string | null>> = {
  '/secret/app/db': 'second',
  '/secret/app/db?version=1': 'first',
  '/secret/app/db?version=3': 'staged',
  '/secret/app/key?version=1': 'supplied',
  '/secret/app/gone': null,
  '/secret/app/purged': null,
};

/** An installation on the data folder that the release before left. */
async function installOnFixture(folder: string): Promise<Installation> {
  const installation = await install(folder, { PATH: `${dirname(process.execPath)}:${process.env['PATH']}` });
  for (const path of ['data', 'data/audit', 'keys']) mkdirSync(join(folder, path), { mode: 0o700 });
  const umask = process.umask(0o077);
  const database = new DatabaseSync(join(folder, 'data/vault.db'));
  database.exec(readFileSync(join(fixture, 'vault.sql'), 'utf8'));
  database.close();
  copyFileSync(join(fixture, segment), join(folder, 'data/audit', segment));
  // Of tests only, and so no secret.
  writeFileSync(join(folder, 'keys/master.key'), Buffer.alloc(32, 'test only'));
  process.umask(umask);
  execFileSync('chmod', ['600', join(folder, 'data/audit', segment)]);
  return installation;
}

async function holds(t: Test, installation: Installation, more: Record<string, string> = {}): Promise<void> {
  const service = askedService(installation);
  for (const [path, value] of Object.entries({ ...stored, ...more })) {
    const answer = await service.request('GET', path);
    t.equal(answer.status, value === null ? 404 : 200, path);
    if (value !== null) t.match(await answer.json(), { value });
  }
}

async function isWhole(t: Test, installation: Installation): Promise<void> {
  const { code, output } = await runCommand(installation, [
    'audit',
    'verify',
    '--config',
    installation.configFile,
  ]);
  t.equal(code, 0, output);
}

t.test('this release opens what the release before left, and changes nothing in it', async t => {
  const installation = await installOnFixture(t.testdir());
  await isWhole(t, installation);
  const service = await startService(installation);
  await holds(t, installation);
  t.equal(await service.stop(), 0);
  await isWhole(t, installation);
  const database = new DatabaseSync(join(installation.folder, 'data/vault.db'), { readOnly: true });
  t.equal(
    database.prepare('PRAGMA user_version').get()?.['user_version'],
    2,
    'the schema of the release before',
  );
  database.close();
});

const hasHistory =
  spawnSync('git', ['-C', checkout, 'cat-file', '-e', `${releaseBefore}^{commit}`]).status === 0;
const skip = hasHistory ? false : `needs commit ${releaseBefore} in the history: clone without --depth`;

t.test(
  'the release before takes over by stop and start, not by a handover, and loses nothing',
  { skip },
  async t => {
    const code = t.testdir({ code: {} });
    const root = join(code, 'code');
    const archive = execFileSync('git', ['-C', checkout, 'archive', releaseBefore], { maxBuffer: 1e9 });
    execFileSync('tar', ['-x', '-C', root], { input: archive });
    symlinkSync(join(checkout, 'node_modules'), join(root, 'node_modules'));
    const before = join(root, 'bin/jarvis-secretsd');
    const installation = await installOnFixture(join(code, 'service'));
    // An upgrade leaves the configuration as it is; the release before refuses keys that came later.
    copyFileSync(join(root, 'config.toml'), installation.configFile);
    const service = askedService(installation);

    const chain = await ServiceChain.start(installation);
    const made = await service.request('POST', '/secret', { name: 'app/new', value: 'by this release' });
    t.equal(made.status, 201, await made.text());
    const { pid } = chain;
    chain.place(before);
    t.match(await chain.failToHandOver(), /^it ended with code \d+$/, 'it knows no passed sockets');
    t.ok(isRunning(pid) && chain.pid === pid, 'this release continues');
    await holds(t, installation, { '/secret/app/new': 'by this release' });

    const stoppedAt = performance.now();
    await chain.stop();
    const old = await startService({ ...installation, executable: before });
    const gapMs = Math.round(performance.now() - stoppedAt);
    t.comment(`from the stop of this release to the first answer of the release before: ${gapMs} ms`);
    await holds(t, installation, { '/secret/app/new': 'by this release' });
    t.equal((await service.request('PUT', '/secret/app/new', { value: 'by the one before' })).status, 200);
    t.equal(await old.stop(), 0);
    await isWhole(t, { ...installation, executable: before });

    await t.rejects(startService(installation), {
      message: /code 2: .*If an earlier release ran on it after a rollback.* `jarvis-secretsd check`/,
    });
    const command = ['check', '--config', installation.configFile];
    const id = (await runCommand(installation, command)).output.match(/\b[0-9a-f]{16}\b/g)?.at(-1);
    const accepted = await runCommand(installation, [...command, '--accept', String(id)]);
    t.equal(accepted.code, 0, accepted.output);
    const again = await startService(installation);
    await holds(t, installation, { '/secret/app/new': 'by the one before' });
    t.equal(await again.stop(), 0);
    await isWhole(t, installation);
  },
);
