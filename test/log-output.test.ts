import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import t from 'tap';
import { LogOutput } from '../src/log-output.ts';
import { askedService, checkout, install, launch, waitFor } from './helpers/service.ts';

const full = !existsSync('/dev/full') && 'needs /dev/full';

const report = (lost: number) => `lost ${lost}\n`;

t.test('lines that cannot be written are counted, and reported by the next one that can', async t => {
  let written = '';
  let problem: Error | null = null;
  const output = new LogOutput({
    on: () => {},
    writableLength: 0,
    write(text, done) {
      if (problem === null) written += text;
      done(problem);
    },
  });
  output.write('one\n', report);
  problem = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  for (const line of ['two\n', 'three\n']) output.write(line, report);
  t.equal(output.lost, 2);
  problem = null;
  // The line before may lack its end.
  written += 'tw';
  for (const line of ['four\n', 'five\n']) output.write(line, report);
  t.equal(written, 'one\ntw\nlost 2\nfour\nfive\n');
});

t.test('a reader that does not read costs a bounded number of bytes', async t => {
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      waiting.push(done);
    },
  });
  const output = new LogOutput(stream);
  const line = `${'x'.repeat(999)}\n`;
  for (let count = 0; count < 5000; count++) output.write(line, report);
  t.ok(stream.writableLength < 1.1 * 2 ** 20, `${stream.writableLength} bytes wait`);
  t.ok(output.lost > 3500, `${output.lost} are lost`);
});

t.test('the service goes on when the reader of its log is gone', async t => {
  const installation = await install(t.testdir());
  const { child, output, ended } = launch(installation, ['--config', installation.configFile]);
  await waitFor(() => output().includes('"msg":"ready"'));
  child.stdout?.destroy();
  child.stderr?.destroy();
  for (let reloads = 0; reloads < 3; reloads++) {
    child.kill('SIGHUP');
    t.equal((await askedService(installation).request('GET', '/readyz')).status, 200);
  }
  child.kill('SIGTERM');
  t.equal(await ended, 0);
  t.equal(readFileSync(join(installation.folder, 'data/vault.db.exit'), 'utf8'), 'clean\n');
});

t.test('the service goes on while the pipe of its log is full', async t => {
  const installation = await install(t.testdir());
  const { child, output, ended } = launch(installation, ['--config', installation.configFile]);
  await waitFor(() => output().includes('"msg":"ready"'));
  child.stdout?.pause();
  const service = askedService(installation);
  // Each reload writes a line; a pipe holds 64 KiB.
  for (let reloads = 0; reloads < 1500; reloads++) {
    child.kill('SIGHUP');
    if (reloads % 10 === 0) t.equal((await service.request('GET', '/healthz')).status, 200);
  }
  t.equal((await service.request('GET', '/readyz')).status, 200);
  child.stdout?.resume();
  child.kill('SIGTERM');
  t.equal(await ended, 0);
});

t.test('the service starts, works and stops where every line fails with ENOSPC', { skip: full }, async t => {
  const installation = await install(t.testdir());
  const wrapper = ['sh', '-c', 'exec "$@" > /dev/full 2> /dev/full', 'sh'];
  const { child, ended } = launch({ ...installation, wrapper }, ['--config', installation.configFile]);
  const service = askedService(installation);
  const exitFile = join(installation.folder, 'data/vault.db.exit');
  await waitFor(() => existsSync(exitFile));
  for (let reloads = 0; reloads < 3; reloads++) {
    child.kill('SIGHUP');
    t.equal((await service.request('GET', '/readyz')).status, 200);
  }
  child.kill('SIGTERM');
  t.equal(await ended, 0);
  t.equal(readFileSync(exitFile, 'utf8'), 'clean\n');
});

t.test(
  'a terminal that is closed stops the service, and is no error',
  { skip: spawnSync('script', ['--version']).error !== undefined && 'needs script, of util-linux' },
  async t => {
    const installation = await install(t.testdir());
    const command = `exec ${join(checkout, 'bin/jarvis-secretsd')} --config ${installation.configFile}`;
    const { PATH = '', HOME = '' } = process.env;
    const terminal = spawn('script', ['-qc', command, '/dev/null'], {
      env: { PATH, HOME, ...installation.environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    terminal.stdout.on('data', chunk => {
      shown += chunk;
    });
    await waitFor(() => shown.includes('"msg":"ready"'));
    terminal.kill('SIGKILL');
    await once(terminal, 'close');
    const exitFile = join(installation.folder, 'data/vault.db.exit');
    await waitFor(() => readFileSync(exitFile, 'utf8') === 'clean\n');
    t.equal(readFileSync(exitFile, 'utf8'), 'clean\n');
  },
);
