import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkout, install, startService } from '../helpers/service.ts';
import { sourceFiles } from './source-files.ts';

interface Description {
  readonly info: { readonly version: string };
  readonly paths: Record<string, Record<string, { summary?: string; responses?: Record<string, unknown> }>>;
}

const service = await startService(await install(t.testdir()));
t.teardown(() => service.stop());
const description = (await (await service.request('GET', '/openapi.json')).json()) as Description;
const described = Object.entries(description.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({
    path,
    method: method.toUpperCase(),
    operation,
  })),
);
const operations = described.map(({ method, path }) => `${method} ${path}`).toSorted();

t.test('the description has every route of the source', async t => {
  const registered = sourceFiles('src/http/routes').flatMap(({ text }) =>
    [...text.matchAll(/\bapi\.(get|put|post|delete)\(\s*'([^']+)'/g)].map(
      ([, method = '', path = '']) => `${method.toUpperCase()} ${path.replace('*', '{name}')}`,
    ),
  );
  t.same(operations, registered.toSorted());
});

t.test('docs/API.md has every route, and no other', async t => {
  const text = readFileSync(join(checkout, 'docs/API.md'), 'utf8');
  const documented = [...text.matchAll(/^#{2,4} `(GET|PUT|POST|DELETE) (\/[^`\s]*)`/gm)].map(
    ([, method, path = '']) => `${method} ${path.replace(/<name>/, '{name}')}`,
  );
  t.same(documented.toSorted(), operations);
});

t.test('each operation says what it does and how it fails', async t => {
  const probes = ['/healthz', '/readyz', '/metrics', '/openapi.json'];
  for (const { method, path, operation } of described) {
    t.ok(operation.summary, `${method} ${path} has a summary`);
    if (!probes.includes(path))
      t.hasProps(operation.responses ?? {}, ['4XX', '5XX'], `${method} ${path} has error answers`);
  }
  const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
  t.equal(description.info.version, version);
});
