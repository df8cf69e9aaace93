import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { checkout, install, startService } from '../helpers/service.ts';
import { findTool, skipWithout } from '../stack/tools.ts';

const run = promisify(execFile);
const text = readFileSync(join(checkout, 'README.md'), 'utf8');

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
  const minutes = text.slice(text.indexOf('## Five minutes'), text.indexOf('## Which Node'));
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

/** What each command of "Watch them move" is answered with, in order, but for the thousand of `ab`. */
const statuses = [200, 200, 201, 200, ...Array<number>(100).fill(200), 200, 403, 200];

/** `ab` comes with Apache; where it is missing, the rest still runs. */
const probes = findTool('ab') === undefined ? 0 : 1000;

t.test(
  'the commands that move the metrics do so, on a fresh vault',
  { skip: skipWithout('promtool') },
  async t => {
    const [, commands = '', shown = ''] =
      /Watch them move[\s\S]*?```sh\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/.exec(text) ?? [];
    const wanted = probes === 0 ? commands.replace(/^ab .*\n/m, '') : commands;
    const service = await startService(await install(t.testdir()));
    t.teardown(() => service.stop());
    const { stdout, answered } = await runCurls(t.testdirName, service.url, wanted);

    t.same(answered, statuses);
    t.match(stdout, /^http_requests_total 1$/m, 'the first scrape counts itself');
    t.match(stdout, /^secrets_created_total 1$/m);
    t.match(stdout, /"rotated_count":1/);
    if (probes > 0) t.match(stdout, /Complete requests: +1000\nFailed requests: +0\n/);
    const durations = stdout
      .match(/^http_request_duration_seconds_.*$/gm)
      ?.slice(-shown.trim().split('\n').length);
    t.same(durations?.map(seriesOf), shown.trim().split('\n').map(seriesOf));
    t.same(durations?.map(countOf).slice(-3, -2), [statuses.length - 1 + probes]);
    t.same(durations?.map(countOf).slice(-1), [statuses.length - 1 + probes], 'the count is that of +Inf');
    const after = await service.scrape();
    t.equal(after.get('secrets_retrieved_total'), 100);
    t.equal(after.get('secrets_rotated_total'), 1);
    t.equal(after.get('rbac_denied_total'), 1);
  },
);

t.test('the examples of docs/API.md work, in their order', async t => {
  const document = readFileSync(join(checkout, 'docs/API.md'), 'utf8');
  const examples = [...document.matchAll(/```sh\n([\s\S]*?)```/g)]
    .map(([, example = '']) => example)
    .join('');
  // Last: it destroys what the examples below it use.
  const purge = /^curl .*purge=true.*\n/m.exec(examples)?.[0] ?? '';
  const commands = examples.replace(purge, '') + purge;
  const service = await startService(await install(t.testdir()));
  t.teardown(() => service.stop());
  const { answered } = await runCurls(t.testdirName, service.url, commands);
  t.equal(answered.length, commands.match(/^curl /gm)?.length);
  t.same(
    answered.filter(status => status >= 300),
    [],
    answered.join(' '),
  );
});

/** Runs commands against the service; `answered` is the status that each curl met. */
async function runCurls(
  folder: string,
  url: string,
  commands: string,
): Promise<{ stdout: string; answered: number[] }> {
  // curl reads this before its arguments.
  writeFileSync(join(folder, '.curlrc'), 'silent\nwrite-out = "%{stderr}status %{http_code}\\n"\n');
  const { PATH = '' } = process.env;
  const { stdout, stderr } = await run('bash', ['-c', commands.replaceAll('http://127.0.0.1:8081', url)], {
    env: { PATH: `${dirname(findTool('promtool') ?? '')}:${PATH}`, CURL_HOME: folder },
  });
  return { stdout, answered: [...stderr.matchAll(/^status (\d+)$/gm)].map(([, status]) => Number(status)) };
}

function seriesOf(sample: string): string {
  return sample.slice(0, sample.lastIndexOf(' '));
}

function countOf(sample: string): number {
  return Number(sample.slice(sample.lastIndexOf(' ')));
}
