import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadConfig } from '../src/config/load.ts';
import { requireClosedFiles } from '../src/file-permissions.ts';

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
  return { check: () => requireClosedFiles(loadConfig(configFile, {}), configFile), folder };
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
  t.doesNotThrow(() => requireClosedFiles(loadConfig(file, {}), file));
});
