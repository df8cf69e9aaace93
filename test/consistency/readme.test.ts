import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { checkout, install, startService } from '../helpers/service.ts';

const run = promisify(execFile);

/** What differs from run to run. */
function settled(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/k1-[0-9a-f]{8}/g, 'KID')
    .replace(/key [0-9a-f]{64}/g, 'KEY')
    .replace(/, \d+ signed checkpoints/g, ', N signed checkpoints')
    .trim();
}

t.test("the README's five minutes print what it shows", async t => {
  const text = readFileSync(join(checkout, 'README.md'), 'utf8');
  const minutes = text.slice(text.indexOf('## Five minutes'), text.indexOf('## Metrics'));
  const steps = [...minutes.matchAll(/```sh\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)];
  t.equal(steps.length, 5, 'the steps were found');

  const installation = await install(t.testdir());
  const service = await startService(installation);
  t.teardown(() => service.stop());
  const { PATH = '' } = process.env;
  for (const [, commands = '', shown = ''] of steps) {
    const here = commands
      .replaceAll('http://127.0.0.1:8081', service.url)
      .replace('./bin/jarvis-secretsd', join(checkout, 'bin/jarvis-secretsd'));
    const { stdout } = await run('bash', ['-c', here.trim().replaceAll('\n', '; echo; ')], {
      cwd: installation.folder,
      env: { PATH, ...installation.environment },
    });
    t.equal(settled(stdout).replaceAll(/\n+/g, '\n'), settled(shown), commands);
  }
});
