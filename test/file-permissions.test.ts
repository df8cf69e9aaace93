import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../src/config/load.ts';
import { requireClosedFiles } from '../src/file-permissions.ts';
import { LastExit } from '../src/last-exit.ts';
import { install, startService } from './helpers/service.ts';

const standard: Record<string, number> = {
  'config.toml': 0o644,
  'policy.yaml': 0o644,
  'data/vault.db': 0o600,
  'data/vault.db-wal': 0o600,
  'data/vault.db-shm': 0o600,
  'keys/bootstrap.token': 0o600,
  'data/audit': 0o700,
  'data/audit/audit-0000000000000001.jsonl': 0o600,
};

/** An installation whose files have these modes; returns what a start would check. */
function checked(t: Test, modes: Record<string, number>): { check: () => void; folder: string } {
  const folder = t.testdir();
  const configFile = join(folder, 'config.toml');
  for (const name of ['data/audit', 'keys']) mkdirSync(join(folder, name), { recursive: true });
  for (const [file, mode] of Object.entries({ ...standard, ...modes })) {
    if (file !== 'data/audit') writeFileSync(join(folder, file), '');
    chmodSync(join(folder, file), mode);
  }
  return { check: () => requireClosedFiles(loadConfig(configFile, {}), configFile, null), folder };
}

const segment = 'data/audit/audit-0000000000000001.jsonl';
const accepted: [file: string, ...modes: number[]][] = [
  ['config.toml', 0o600, 0o640, 0o644, 0o664],
  ['policy.yaml', 0o400, 0o444, 0o664],
  ['data/vault.db', 0o600],
  ['data/audit', 0o700, 0o750, 0o2750],
  [segment, 0o600, 0o640, 0o400],
];
for (const [file, ...modes] of accepted) {
  t.test(`${file} may have the modes of ${modes.length} kinds of machine`, async t => {
    for (const mode of modes) t.doesNotThrow(checked(t, { [file]: mode }).check, mode.toString(8));
  });
}

const refused: [file: string, chmod: string, ...modes: number[]][] = [
  ['config.toml', 'o-w', 0o666, 0o646, 0o602],
  ['policy.yaml', 'o-w', 0o666, 0o777],
  ['data/vault.db', '600', 0o640, 0o604, 0o660, 0o644],
  ['data/vault.db-wal', '600', 0o644],
  ['data/vault.db-shm', '600', 0o644],
  ['keys/bootstrap.token', '600', 0o640, 0o644],
  ['data/audit', 'g-w,o=', 0o755, 0o705, 0o770, 0o701],
  [segment, 'g-w,o=', 0o644, 0o660, 0o604],
];
for (const [file, chmod, ...modes] of refused) {
  t.test(`${file} that is open further is refused with the command to run`, async t => {
    for (const mode of modes) {
      const { check, folder } = checked(t, { [file]: mode });
      const octal = mode.toString(8).padStart(4, '0');
      t.throws(check, {
        name: 'StartError',
        message: ` ${join(folder, file)} ${chmod === 'o-w' ? 'can be changed by' : 'is open to'} other users (mode ${octal}); run: chmod ${chmod} '${join(folder, file)}'`,
      });
    }
  });
}

t.test('what is not there yet is no fault', async t => {
  const file = join(t.testdir({ 'config.toml': '' }), 'config.toml');
  t.doesNotThrow(() => requireClosedFiles(loadConfig(file, {}), file, null));
});

t.test('a folder that others can write to is refused, and so is one above it', async t => {
  for (const folder of ['data', 'keys', '.']) {
    const { check, folder: installation } = checked(t, {});
    chmodSync(join(installation, folder), 0o777);
    t.throws(check, {
      name: 'StartError',
      message: `the folder ${join(installation, folder)} can be changed by other users (mode 0777); run: chmod o-w '${join(installation, folder)}'`,
    });
    chmodSync(join(installation, folder), 0o755);
    t.doesNotThrow(check);
  }
  const { check, folder } = checked(t, {});
  chmodSync(join(folder, 'data'), 0o1777);
  t.throws(check, { message: /is for the files of everybody; give the service one of its own/ });
});

t.test('a link under a name that the service writes to is refused', async t => {
  for (const name of ['vault.db-wal', 'vault.db-shm', 'vault.db.lock', 'vault.db.exit', 'vault.db.probe']) {
    const { check, folder } = checked(t, {});
    const path = join(folder, 'data', name);
    const other = join(folder, 'other');
    writeFileSync(other, 'kept', { mode: 0o600 });
    rmSync(path, { force: true });
    symlinkSync(other, path);
    t.throws(check, {
      message: `${path} is a symbolic link, and the service writes under this name; run: rm '${path}'`,
    });
  }
});

t.test('the note of how the process ended never writes over what a link leads to', async t => {
  const folder = t.testdir({ other: 'kept' });
  const vault = join(folder, 'vault.db');
  symlinkSync(join(folder, 'other'), `${vault}.exit`);
  symlinkSync(join(folder, 'other'), `${vault}.exit.new`);
  const lastExit = new LastExit(vault);
  t.equal(lastExit.previous, null, 'nor reads it');
  lastExit.note('clean');
  t.equal(readFileSync(join(folder, 'other'), 'utf8'), 'kept');
  t.equal(readFileSync(`${vault}.exit`, 'utf8'), 'clean\n');
});

const isRoot = process.geteuid?.() === 0;
const skip = isRoot ? false : 'only root can give files away';

t.test(
  'what belongs to another user is refused, but not to the owner of the configuration',
  { skip },
  async t => {
    const stranger = 54_321;
    for (const name of ['policy.yaml', 'data/vault.db', 'keys/bootstrap.token', 'data', 'keys', segment]) {
      const { folder } = checked(t, {});
      const configFile = join(folder, 'config.toml');
      const check = () => requireClosedFiles(loadConfig(configFile, {}), configFile, 0);
      t.doesNotThrow(check);
      chownSync(join(folder, name), stranger, stranger);
      t.throws(check, {
        message: `${join(folder, name)} belongs to another user (uid ${stranger}), who can change it; run: chown 0 '${join(folder, name)}'`,
      });
      chownSync(configFile, stranger, stranger);
      t.doesNotThrow(check, 'whose configuration it is');
    }
  },
);

t.test('a reload checks again', async t => {
  const installation = await install(join(t.testdir(), 'service'));
  const service = await startService(installation);
  t.teardown(() => service.stop('SIGKILL'));
  const policy = join(installation.folder, 'policy.yaml');
  const reloaded = async () => (await service.scrape()).get('policy_reload_success');
  chmodSync(policy, 0o666);
  service.child.kill('SIGHUP');
  while ((await reloaded()) !== 0);
  t.match(service.output(), /policy\.yaml can be changed by other users \(mode 0666\); run: chmod o-w/);
  chmodSync(policy, 0o644);
  service.child.kill('SIGHUP');
  while ((await reloaded()) !== 1);
  t.equal(await service.stop(), 0);
});
