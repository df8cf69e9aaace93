import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { exitCodeTable } from '../../src/exit-codes.ts';
import { checkout } from '../helpers/service.ts';
import { sourceFiles } from './source-files.ts';

const rows = Object.values(exitCodeTable);

t.test('docs/CONFIGURATION.md has each exit code with its meaning, and no other', async t => {
  const document = readFileSync(join(checkout, 'docs/CONFIGURATION.md'), 'utf8');
  const section = /^## Exit codes\n(.*?)^## /ms.exec(document)?.[1] ?? '';
  const documented = [...section.matchAll(/^\| (\d+) \| ([^|]+) \|/gm)].map(([, code, meaning]) => ({
    code: Number(code),
    meaning,
  }));
  t.same(
    documented,
    rows.map(({ code, meaning }) => ({ code, meaning })),
  );
});

t.test('the unit retries what can pass by itself, and not what cannot', async t => {
  const unit = readFileSync(join(checkout, 'packaging/jarvis-secretsd.service'), 'utf8');
  const setting = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1];
  t.equal(setting('Restart'), 'on-failure');
  t.equal(setting('RestartPreventExitStatus'), String(exitCodeTable.refused.code));
  t.equal(setting('StartLimitIntervalSec'), '0', 'it never gives up');
});

t.test('a code for a signal is 128 and its number', async t => {
  const { signals } = constants;
  t.equal(exitCodeTable.secondInterrupt.code, 128 + signals.SIGINT);
  t.equal(exitCodeTable.secondQuit.code, 128 + signals.SIGQUIT);
  t.equal(exitCodeTable.secondTerminate.code, 128 + signals.SIGTERM);
});

t.test('no number is written where the table has a name', async t => {
  const numbers = sourceFiles('src').filter(({ text }) => /process\.exit(Code =)?\(?\s*\d/.test(text));
  t.same(
    numbers.map(({ path }) => path),
    [],
  );
});
