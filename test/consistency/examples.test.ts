import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requireUsableIdentity } from '../../src/config/identity.ts';
import { loadConfig } from '../../src/config/load.ts';
import { requireProtectedTransport } from '../../src/config/transport.ts';
import { loadPolicy } from '../../src/policy/policy-file.ts';
import { findTool, skipWithout } from '../stack/tools.ts';
import { read } from './expressions.ts';

const documents = [
  'README.md',
  'DEPLOYMENT_GUIDE.md',
  'docs/CONFIGURATION.md',
  'docs/POLICY.md',
  'docs/TELEMETRY.md',
];

interface Example {
  readonly where: string;
  readonly text: string;
}

function examples(language: 'toml' | 'yaml'): Example[] {
  return documents.flatMap(document =>
    [...read(document).matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
      ([, text = ''], index) => ({ where: `${document}, ${language} ${index + 1}`, text }),
    ),
  );
}

t.test('each example of config.toml can be used', async t => {
  const file = join(t.testdir(), 'config.toml');
  const found = examples('toml');
  t.ok(found.length > 4, `${found.length} examples`);
  for (const { where, text } of found) {
    writeFileSync(file, text);
    t.doesNotThrow(() => {
      const config = loadConfig(file, { JARVIS_SECRETSD_SECURITY_IDENTITY: 'token' });
      requireUsableIdentity(config);
      requireProtectedTransport(config);
    }, where);
  }
});

t.test('each example of policy.yaml can be used', async t => {
  const file = join(t.testdir(), 'policy.yaml');
  const found = examples('yaml').filter(({ text }) => text.startsWith('clients:'));
  t.ok(found.length > 1, `${found.length} examples`);
  for (const { where, text } of found) {
    writeFileSync(file, text);
    t.doesNotThrow(() => loadPolicy(file), where);
  }
});

t.test('each example of prometheus.yml can be used', { skip: skipWithout('promtool') }, async t => {
  const file = join(t.testdir(), 'prometheus.yml');
  const found = examples('yaml').filter(({ text }) => text.includes('scrape_configs:'));
  t.ok(found.length > 3, `${found.length} examples`);
  for (const { where, text } of found) {
    writeFileSync(file, text);
    const check = ['check', 'config', '--syntax-only', file];
    const { status, stdout, stderr } = spawnSync(findTool('promtool') ?? 'promtool', check, {
      encoding: 'utf8',
    });
    t.equal(status, 0, `${where}: ${stdout}${stderr}`);
  }
});
