import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout } from '../helpers/service.ts';
import { campaignOnly, findTool, stackTimeout } from './tools.ts';

t.setTimeout(stackTimeout);
const vendor = { VENDOR_OTLP: 'https://otlp.example', VENDOR_AUTHORIZATION: 'Basic none' };

function run(tool: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return spawnSync(findTool(tool) ?? tool, args, { cwd: checkout, encoding: 'utf8', env: environment });
}

t.test('promtool check config, check rules', { skip: campaignOnly }, async t => {
  for (const check of [
    ['check', 'config', '--lint=all', '--lint-fatal', 'prometheus.yml'],
    ['check', 'rules', '--lint=all', '--lint-fatal', 'prometheus.rules.yml'],
  ]) {
    const { status, stdout, stderr } = run('promtool', check);
    t.equal(status, 0, `${check.join(' ')}: ${stdout}${stderr}`);
  }
});

t.test('promtool test rules', { skip: campaignOnly }, async t => {
  const folder = join(checkout, 'test/stack/rules');
  for (const file of readdirSync(folder)) {
    const { status, stdout, stderr } = run('promtool', ['test', 'rules', join(folder, file)]);
    t.equal(status, 0, `${file}: ${stdout}${stderr}`);
  }
});

t.test('otelcol validate, without and with the overlay', { skip: campaignOnly }, async t => {
  const alone = ['validate', '--config', 'otel-collector.yaml'];
  const withOverlay = [...alone, '--config', 'otel-collector.fanout.yaml'];
  t.match(run('otelcol', alone), { status: 0, stderr: '' });
  t.match(run('otelcol', withOverlay, vendor), { status: 0, stderr: '' });
  t.match(run('otelcol', withOverlay), { status: 1, stderr: 'endpoint' }, 'the overlay asks for its vendor');
});
