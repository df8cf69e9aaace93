import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import t from 'tap';
import { variableName } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';
import { checkout } from '../helpers/service.ts';

interface Key {
  readonly path: readonly string[];
  readonly standard: unknown;
  readonly meaning: unknown;
}

const keys = keysOf(configSchema, []);
const shipped = readFileSync(join(checkout, 'config.toml'), 'utf8');

t.test('config.toml names every key and no other, and what it sets is the default', async t => {
  // A commented key is one that has no default: `# bind_addr = "…"`.
  const uncommented = shipped.replace(/^# (\w+ = )/gm, '$1');
  t.same(
    pathsOf(parse(uncommented)).toSorted(),
    keys.map(({ path }) => path.join('.')).toSorted(),
    'every key, commented or not',
  );
  t.same(
    pathsOf(parse(shipped)).toSorted(),
    keys
      .filter(({ standard }) => standard !== undefined)
      .map(({ path }) => path.join('.'))
      .toSorted(),
    'every key with a default is set',
  );
  const folder = t.testdir({ 'empty.toml': '', 'shipped.toml': shipped });
  t.same(loadConfig(join(folder, 'shipped.toml'), {}), loadConfig(join(folder, 'empty.toml'), {}));
});

t.test('docs/CONFIGURATION.md has a row for each key, as the schema has it, and no other', async t => {
  const text = readFileSync(join(checkout, 'docs/CONFIGURATION.md'), 'utf8');
  const rows = text.match(/^\| `[a-z_.]+` \| `JARVIS_SECRETSD_.*$/gm) ?? [];
  t.same(rows, keys.map(row));
});

function keysOf(schema: object, path: readonly string[]): Key[] {
  if (!('properties' in schema)) {
    const { default: standard, description: meaning }: { default?: unknown; description?: unknown } = schema;
    return [{ path, standard, meaning }];
  }
  return Object.entries(schema.properties as Record<string, object>).flatMap(([key, child]) =>
    keysOf(child, [...path, key]),
  );
}

/** The dotted paths of the values in nested tables. */
function pathsOf(value: unknown, path: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path.join('.')];
  return Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]));
}

function row({ path, standard, meaning }: Key): string {
  const shown = standard === undefined ? '' : `\`${JSON.stringify(standard)}\``;
  return `| \`${path.join('.')}\` | \`${variableName(path)}\` | ${shown} | ${meaning} |`;
}
