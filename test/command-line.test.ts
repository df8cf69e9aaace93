import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import packageFile from '../package.json' with { type: 'json' };
import { filesIn, install, runCommand } from './helpers/service.ts';

const installation = await install(t.testdir());
const run = (...args: string[]) => runCommand(installation, args);

t.test('without arguments it prints its help, and makes nothing', async t => {
  const { code, output } = await run();
  t.equal(code, 2);
  t.match(output, /^Usage: jarvis-secretsd /);
  t.same(filesIn(installation.folder), ['config.toml', 'policy.yaml']);
});

for (const args of [['help'], ['--help'], ['-h']]) {
  t.test(`${args.join(' ')} prints commands, examples, variables, exit codes and documents`, async t => {
    const { code, output } = await run(...args);
    t.equal(code, 0);
    for (const command of [
      'start',
      'check-config',
      'audit',
      'health',
      'token',
      'policy',
      'version',
      'help',
    ]) {
      t.match(output, new RegExp(`^  ${command}\\b`, 'm'), command);
    }
    t.match(output, /^ {2}jarvis-secretsd start --config config\.toml$/m);
    t.match(output, 'JARVIS_SECRETSD_SERVER_BIND_ADDR');
    t.match(output, /^ {2}75 +The start failed/m);
    t.match(output, 'docs/CONFIGURATION.md');
  });
}

for (const command of [
  ['start'],
  ['check-config'],
  ['audit', 'verify'],
  ['token', 'bootstrap'],
  ['policy', 'test'],
]) {
  t.test(`help ${command.join(' ')} has an example, the variables and the document`, async t => {
    const { code, output } = await run(...command, '--help');
    t.equal(code, 0);
    t.match(output, new RegExp(`^Example:\n  jarvis-secretsd ${command.join(' ')} `, 'm'));
    t.match(output, 'JARVIS_SECRETSD_<SECTION>_<KEY>');
    t.equal((await run('help', ...command)).output, output);
    t.match(output, /^Document, in the folder of the package: docs\/\w+\.md$/m);
  });
}

for (const args of [['version'], ['--version'], ['-v']]) {
  t.test(`${args.join(' ')} prints the version`, async t => {
    t.same(await run(...args), { code: 0, output: `${packageFile.version}\n` });
  });
}

const wrong: Record<string, RegExp> = {
  frobnicate: /^jarvis-secretsd: unknown command 'frobnicate'\n/,
  strat: /^jarvis-secretsd: unknown command 'strat'\n\(Did you mean start\?\)/,
  '--confg config.toml': /^jarvis-secretsd: unknown option '--confg'\n\(Did you mean --config\?\)/,
  'start now': /^jarvis-secretsd: too many arguments for 'start'/,
  'audit verfy': /^jarvis-secretsd: unknown command 'verfy'\n\(Did you mean verify\?\)/,
  '--config': /^jarvis-secretsd: option '--config <file>' argument missing/,
};
for (const [words, message] of Object.entries(wrong)) {
  t.test(`${words}: exit code 2, what is wrong, and where to read on`, async t => {
    const { code, output } = await run(...words.split(' '));
    t.equal(code, 2);
    t.match(output, message);
    t.match(output, "Run 'jarvis-secretsd help' to see the commands.");
  });
}

t.test('check-config is the option of the same name', async t => {
  const { configFile } = installation;
  const answer = await run('check-config', '--config', configFile);
  t.equal(answer.code, 0);
  t.same(await run('--check-config', '--config', configFile), answer);
  t.same(await run('--config', configFile, '--check-config'), answer);
});

t.test(
  'a check by root names what other users cannot read',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async t => {
    const { configFile, folder } = installation;
    chmodSync(join(folder, 'policy.yaml'), 0o640);
    const { code, output } = await run('check-config', '--config', configFile);
    t.equal(code, 0);
    t.match(
      output,
      /^note: only user 0 and group \d+ can read \S+policy\.yaml \(mode 0640\); the user of the service must/m,
    );
    chmodSync(join(folder, 'policy.yaml'), 0o644);
    t.notMatch((await run('check-config', '--config', configFile)).output, /note:/);
  },
);

t.test('a command whose reader has read enough ends as it would have', async t => {
  const wrapper = ['sh', '-c', '"$@" | true; exec "$@" > /dev/full', 'sh'];
  const { code, output } = await runCommand({ ...installation, wrapper }, [
    'check-config',
    '--config',
    installation.configFile,
  ]);
  t.equal(code, 75, 'where its output is lost, it says so');
  t.match(output, /^jarvis-secretsd: cannot write the output: ENOSPC[^\n]*\n$/);
});

t.test('start, too, starts the service', async t => {
  const { code, output } = await run('start', '--config', 'absent.toml');
  t.equal(code, 2);
  t.match(output, /absent\.toml: there is no such configuration file/);
});
