import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout } from '../helpers/service.ts';
import { findTool, skipWithout } from './tools.ts';

const unitFile = join(checkout, 'packaging/jarvis-secretsd.service');
const dropIn = join(checkout, 'packaging/systemd/older-than-253.conf');
const version = Number(/^systemd (\d+)/.exec(analyze('--version').output)?.[1]);
const mostExposure = 1.5;
const skip = skipWithout('systemd-analyze');

function analyze(...args: string[]): { output: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync(findTool('systemd-analyze') ?? 'systemd-analyze', args, {
    encoding: 'utf8',
  });
  return { output: stdout + stderr, status };
}

t.test(`the unit's exposure is at most ${mostExposure}`, { skip }, async t => {
  const { output } = analyze('security', '--offline=true', '--no-pager', unitFile);
  const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1]);
  const open = output.split('\n').filter(line => line.startsWith('✗'));
  t.ok(exposure <= mostExposure, `${exposure}, open: ${open.map(line => line.split(' ')[1]).join(' ')}`);
});

t.test('the unit and the drop-in for older releases say what systemctl can trust', async t => {
  const settings = (file: string, key: string) =>
    [...readFileSync(file, 'utf8').matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value);
  t.same(settings(unitFile, 'Type'), ['notify-reload']);
  t.same(settings(unitFile, 'NotifyAccess'), ['all'], 'systemd-notify is a process of its own');
  const [check] = settings(unitFile, 'ExecReload');
  t.match(check, / --check-config --config /);
  t.same(settings(dropIn, 'Type'), ['notify']);
  t.same(settings(dropIn, 'ExecReload'), ['', check, 'kill -HUP $MAINPID']);
});

t.test('systemd finds nothing wrong with the unit', { skip }, async t => {
  const folder = t.testdir();
  const copy = join(folder, 'jarvis-secretsd.service');
  const installed = '/usr/local/bin/jarvis-secretsd ';
  const unit = [readFileSync(unitFile, 'utf8').replace(/^Type=.*$/m, '')];
  unit.push(version >= 253 ? '[Service]\nType=notify-reload' : readFileSync(dropIn, 'utf8'));
  t.ok(unit[0]?.includes(installed));
  // systemd looks for the executable, which stands elsewhere in a checkout.
  writeFileSync(copy, unit.join('\n').replaceAll(installed, `${join(checkout, 'bin/jarvis-secretsd')} `));
  t.same(analyze('verify', '--man=no', copy), { output: '', status: 0 });
  for (const socket of ['jarvis-secretsd.socket', 'jarvis-secretsd-metrics.socket']) {
    const file = join(folder, socket);
    copyFileSync(join(checkout, 'packaging', socket), file);
    t.same(analyze('verify', '--man=no', file), { output: '', status: 0 }, socket);
  }
});
