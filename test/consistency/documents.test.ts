import { globSync } from 'node:fs';
import t, { type Test } from 'tap';
import { checkout } from '../helpers/service.ts';
import { contract } from '../metrics/contract.ts';
import { findTool } from '../stack/tools.ts';
import { read } from './expressions.ts';
import { type ShellBlock, shellBlocks } from './shell-blocks.ts';
import { type BlockResult, skipWithoutTools, startTrial, type Trial } from './trial.ts';

/** Documents whose commands are run one after another on one installation, with the environment of its service. */
const installations: readonly (readonly [environment: Record<string, string>, ...documents: string[]])[] = [
  [{}, 'README.md'],
  [{ JARVIS_SECRETSD_SECURITY_IDENTITY: 'token' }, 'DEPLOYMENT_GUIDE.md'],
  [
    {},
    'PRODUCTION_STATUS.md',
    'docs/API.md',
    'docs/AUDIT.md',
    'docs/CONFIGURATION.md',
    'docs/CONTAINERS.md',
    'docs/DASHBOARD.md',
    'docs/RUNBOOK.md',
    'docs/TELEMETRY.md',
  ],
];

for (const [environment, ...documents] of installations) {
  t.test(`the commands of ${documents.join(', ')}`, async t => {
    const trial = await startTrial(t.testdir(), environment);
    for (const path of documents) await t.test(path, t => runs(t, trial, path));
    // No teardown: the folder is gone before it.
    await trial.service.stop();
  });
}

t.test('every document with shell blocks is among them', async t => {
  const run = installations.flatMap(([, ...documents]) => documents);
  const written = globSync(['*.md', 'docs/*.md'], { cwd: checkout });
  t.same(
    written.filter(path => shellBlocks(read(path)).length > 0 && !run.includes(path)),
    [],
  );
});

/** Its commands do what it says, in their order, and each block that is not run says why. */
async function runs(t: Test, trial: Trial, path: string): Promise<void> {
  const results: BlockResult[] = [];
  for (const block of shellBlocks(read(path))) {
    if (block.notRun !== null) {
      t.match(block.notRun, /\S+ \S+/, `line ${block.line} says why it is not run`);
      continue;
    }
    await t.test(`line ${block.line}`, { skip: skipWithoutTools(block) }, async t => {
      const result = await trial.run(block);
      results.push(result);
      doesAsSaid(t, block, result);
    });
  }
  if (path === 'README.md') await t.test('the metrics count all of it', t => countsAll(t, results));
}

function doesAsSaid(t: Test, block: ShellBlock, { output, exitCode, answered }: BlockResult): void {
  const seen = { commands: block.commands, output };
  t.equal(exitCode, block.exitCode, 'it ends as the document says', seen);
  if (block.shown !== null) {
    t.equal(settled(output), settled(block.shown), 'it prints what the document shows', seen);
  } else {
    t.same(
      answered.filter(status => status >= 400),
      [],
      'nothing is refused',
      seen,
    );
  }
}

/** Commands that the project was asked for as they stand here. */
const asked = `npm ci && npm start
./bin/jarvis-secretsd --config config.toml
curl http://127.0.0.1:8081/metrics
curl http://127.0.0.1:8081/metrics | promtool check metrics
curl -X POST -H "X-Jarvis-Client: admin" -d '{"name":"test","value":"val"}' http://127.0.0.1:8081/secret
curl http://127.0.0.1:8081/metrics | grep secrets_created_total
for i in {1..100}; do curl -s -H "X-Jarvis-Client: admin" http://127.0.0.1:8081/secret/test > /dev/null; done
curl -X POST -H "X-Jarvis-Client: admin" -d '{"names":["test"]}' http://127.0.0.1:8081/rotate
curl -H "X-Jarvis-Client: nobody" http://127.0.0.1:8081/secret/test
ab -n 1000 -c 10 -H "X-Jarvis-Client: admin" http://127.0.0.1:8081/healthz
curl http://127.0.0.1:8081/metrics | grep http_request_duration
curl http://127.0.0.1:8081/metrics | head -50
docker-compose build jarvis-secretsd
docker-compose down jarvis-secretsd
docker-compose up -d jarvis-secretsd
npm ci && npm test`.split('\n');

t.test('README.md has the commands that were asked for, each once and in this order', async t => {
  const lines = shellBlocks(read('README.md')).flatMap(({ commands }) => commands.split('\n'));
  t.same(
    lines.filter(line => asked.includes(line)),
    asked,
  );
});

t.test('each row of PRODUCTION_STATUS.md names a command that exists', async t => {
  const text = read('PRODUCTION_STATUS.md');
  const ready = text.slice(text.indexOf('## Ready'), text.indexOf('## Not ready'));
  const rows = [...ready.matchAll(/^\| (.+) \| `(.+)` \|$/gm)];
  t.ok(rows.length > 25, `${rows.length} rows`);
  t.equal(rows.length, ready.match(/^\| (?!What )/gm)?.length, 'every row has its command');
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const [, what = '', command = ''] of rows) {
    const [, script, file] = /^npm (?:run )?(\S+)(?: -- (\S+\.test\.ts))?$/.exec(command) ?? [];
    t.ok(scripts[script ?? ''], `${what}: ${command}`);
    for (const named of [file ?? [], what.match(/\btest\/\S+\.test\.ts/g) ?? []].flat()) {
      t.ok(read(named), `${named} exists`);
    }
  }
});

t.test('a shell block that would not be run is seen', async t => {
  t.throws(() => shellBlocks('```bash\nls\n```\n'), /1 shell blocks, of which 0/);
  t.throws(() => shellBlocks('- one\n\n  ```sh\n  ls\n  ```\n'), /1 shell blocks, of which 0/);
  t.match(shellBlocks('text\n\n<!-- not run: needs a moon -->\n```sh\nls\n```\n'), [
    { line: 5, commands: 'ls\n', shown: null, notRun: 'needs a moon', exitCode: 0 },
  ]);
});

/** What differs from run to run. */
function settled(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/k1-[0-9a-f]{8}/g, 'KID')
    .replace(/key [0-9a-f]{64}/g, 'KEY')
    .replace(/, \d+ signed checkpoints/g, ', N signed checkpoints')
    .replace(/^(http_request_duration_seconds_\w+(?:\{.*\})?) [\d.]+$/gm, '$1 N')
    .replaceAll(/\n+/g, '\n')
    .trim();
}

/** ab's report of no failure. The uptime may grow by a digit under way: an answer of another length is no failure. */
const allAnswered =
  /^Complete requests: +1000\nFailed requests: +(?:0|\d+\n +\(Connect: 0, Receive: 0, Length: \d+, Exceptions: 0\))$/m;

/** The first scrape has all fifteen, and the last histogram every request that was answered before it. */
async function countsAll(t: Test, results: readonly BlockResult[]): Promise<void> {
  const [first] = results;
  for (const name of contract) t.match(first?.output, new RegExp(`^${name} `, 'm'));
  t.match(first?.output, /^http_requests_total 1$/m, 'the first scrape counts itself');

  const at = results.findIndex(({ output }) => output.startsWith('# HELP http_request_duration_seconds '));
  const probes = findTool('ab') === undefined ? 0 : 1000;
  const curls = results.slice(0, at).flatMap(({ answered }) => answered).length;
  const histogram = results[at]?.output ?? '';
  t.match(histogram, `le="+Inf"} ${curls + probes}\n`);
  t.match(histogram, `_seconds_count ${curls + probes}\n`);
  if (probes > 0) {
    t.match(read('README.md'), `_seconds_count ${curls + probes}\n`, 'as the README shows');
    t.ok(results.some(({ output }) => allAnswered.test(output)));
  }
}
