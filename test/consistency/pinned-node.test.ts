import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t from 'tap';
import packageFile from '../../package.json' with { type: 'json' };
import { checkout } from '../helpers/service.ts';

/** What people and programs put into a checkout, and git ignores. */
const ignored = ['.git', '.tap', 'data', 'dist', 'keys', 'node_modules', 'package-lock.json', 'secrets'];
const script = 'bin/pinned-node';
/** They have the forbidden texts in them: the script that may use them, its tests, and this file. */
const exempt = [script, 'test/tools/pinned-node.test.ts', 'test/consistency/pinned-node.test.ts'];

/** Every line of every file, with the path of its file. */
const lines = readdirSync(checkout)
  .filter(entry => !ignored.includes(entry))
  .flatMap(filesIn)
  .filter(path => !exempt.includes(path))
  .flatMap(path => read(path).map(text => ({ path, text })));

function filesIn(entry: string): string[] {
  const folder = join(checkout, entry);
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(file => file.isFile())
      .map(file => relative(checkout, join(file.parentPath, file.name)));
  } catch {
    return [entry];
  }
}

function read(path: string): string[] {
  return readFileSync(join(checkout, path), 'utf8').split('\n');
}

function linesLike(pattern: RegExp): string[] {
  return lines.filter(({ text }) => pattern.test(text)).map(({ path, text }) => `${path}: ${text.trim()}`);
}

t.test('the script knows the packages and the version that package.json pins', async t => {
  const text = read(script).join('\n');
  const pinned = packageFile.optionalDependencies;
  const [, packages = ''] = /^packages='(.*)'$/m.exec(text) ?? [];
  t.same(packages.split(' ').toSorted(), Object.keys(pinned).toSorted());
  const [, oldest] = /^oldest=(\d+)$/m.exec(text) ?? [];
  for (const [name, version] of Object.entries(pinned)) t.equal(version.split('.')[0], oldest, name);
});

t.test('no other file knows where Node is', async t => {
  t.ok(lines.length > 30_000, `${lines.length} lines`);
  t.same(linesLike(/\.bin\/node\b(?!-)/), [], 'npm 9 and 10 make no such link');
  t.same(linesLike(/\/node-[a-z0-9-]+\/bin\b/), []);
  t.same(linesLike(/(?:command -v|which|type) node\b/), []);
});

t.test('no file runs a Node that may be too old', async t => {
  // At the start of a command, or quoted in prose: `node FILE`, `npx PROGRAM`, and programs of packages, which ask for `node`.
  const programs = 'node|npx|tap|tsc|biome';
  t.same(
    linesLike(new RegExp(`(?:^|[;&|({\`]|\\b(?:exec|then|do|sudo|nice|env))\\s*(?:${programs}) [\\w./-]`)),
    [],
  );
  t.same(linesLike(new RegExp(`(?:spawn|exec|fork|start)\\w*\\(\\s*['"\`](?:${programs})['"\` ]`)), []);
  t.same(linesLike(/^#!.*\bnode\b/), []);
  const commands = Object.values(packageFile.scripts).flatMap(commands => commands.split(/ *&& */));
  for (const command of commands)
    t.match(command, /^(?:[A-Z_]+=\S+ )*(?:exec )?(?:bin\/|tools\/|test\/stack\/install-tools|npm )/);
  for (const program of ['tap', 'tsc', 'biome'])
    t.same(linesLike(new RegExp(`(?<!bin/pinned-node )node_modules/\\.bin/${program}\\b`)), [], program);
});
