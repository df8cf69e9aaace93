import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import t from 'tap';
import { configLeaves, variableName } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';
import { checkout } from '../helpers/service.ts';

const leaves = configLeaves(configSchema, []).map(({ path }) => path);
const shipped = readFileSync(join(checkout, 'config.toml'), 'utf8');

t.test('config.toml names every key, and what it sets is the default', async t => {
  // A commented key is one that has no default: `# bind_addr = "…"`.
  const uncommented = shipped.replace(/^# (\w+ = )/gm, '$1');
  const named = parse(uncommented);
  for (const path of leaves) {
    const value = path.reduce<unknown>((table, key) => (table as Record<string, unknown>)?.[key], named);
    t.not(value, undefined, path.join('.'));
  }
  const folder = t.testdir({ 'empty.toml': '', 'shipped.toml': shipped });
  t.same(loadConfig(join(folder, 'shipped.toml'), {}), loadConfig(join(folder, 'empty.toml'), {}));
});

t.test('docs/CONFIGURATION.md has each key with its variable, and no other', async t => {
  const text = readFileSync(join(checkout, 'docs/CONFIGURATION.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z_.]+)` \| `(JARVIS_SECRETSD_[A-Z_]+)` \|/gm)].map(
    ([, key, variable]) => [key, variable],
  );
  const known = leaves.map(path => [path.join('.'), variableName(path)]);
  t.same(rows.toSorted(), known.toSorted());
});
