import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const tools = join(import.meta.dirname, '../stack/tools.ts');

/** What tests say that need promtool, on a machine whose promtool prints this. */
function skipOn(folder: string, version: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'promtool'), `#!/bin/sh\necho 'promtool, version ${version}'\n`, {
    mode: 0o755,
  });
  const script = `import('${tools}').then(({ skipWithout }) => console.log(skipWithout('promtool')))`;
  const env = { PATH: folder, XDG_CACHE_HOME: folder };
  return execFileSync(process.execPath, ['-e', script], { env, encoding: 'utf8' }).trim();
}

t.test('a promtool that is too old for our files skips the tests that need it', async t => {
  const folder = t.testdir();
  t.match(skipOn(join(folder, 'old'), '2.42.0 (branch: debian/sid)'), /^needs promtool 3 or newer: run test/);
  t.equal(skipOn(join(folder, 'new'), '3.16.0 (branch: HEAD)'), 'false');
  t.equal(skipOn(join(folder, 'built'), ' (branch: , revision: unknown)'), 'false');
});
