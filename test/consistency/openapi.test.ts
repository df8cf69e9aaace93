import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import packageFile from '../../package.json' with { type: 'json' };
import { checkout, install } from '../helpers/service.ts';
import { startInProcess } from '../helpers/service-in-process.ts';

interface Operation {
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly responses?: Readonly<Record<string, unknown>>;
}

interface Description {
  readonly info: { readonly version: string };
  readonly security: readonly object[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** For probes, scrapers and tools. */
const withoutIdentity = ['/healthz', '/metrics', '/openapi.json', '/readyz'].flatMap(path => [
  `GET ${path}`,
  `HEAD ${path}`,
]);

/** Those that do not fail like a vault route. */
const failuresOf: Readonly<Record<string, readonly string[]>> = {
  'GET /healthz': [],
  'GET /metrics': ['500', '503'],
  'GET /readyz': ['503'],
};
/** A HEAD fails like the GET of its path. */
const failuresLike = (name: string) => failuresOf[name.replace(/^HEAD/, 'GET')];

/** The service in this process: what is registered can be asked of Fastify itself. */
const installation = await install(t.testdir());
const { service, request, stop } = await startInProcess(installation);
const answer = await request('GET', '/openapi.json');
t.equal(answer.status, 200);
const description = (await answer.json()) as Description;
const registered = registeredRoutes(service.app.printRoutes()).toSorted();
await stop();

const described = Object.entries(description.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    operation,
  })),
);
const operations = described.map(({ name }) => name).toSorted();

t.test('the description has every route that is registered, and no other', async t => {
  t.same(operations, registered);
});

t.test('docs/API.md has every route, and no other', async t => {
  const text = readFileSync(join(checkout, 'docs/API.md'), 'utf8');
  const documented = [...text.matchAll(/^#{2,4} `(GET|PUT|POST|DELETE) (\/[^`\s]*)`/gm)].map(
    ([, method, path = '']) => `${method} ${path.replace(/<(\w+)>/, '{$1}')}`,
  );
  // The document says once that a GET without identity is a HEAD, too.
  t.same(
    documented.toSorted(),
    operations.filter(name => !name.startsWith('HEAD')),
  );
});

t.test('each operation says what it does, who may ask and how it fails', async t => {
  const anyIdentity = [{ client: [] }, { token: [] }];
  t.same(description.security, anyIdentity);
  for (const { name, operation } of described) {
    t.ok(operation.summary, `${name} has a summary`);
    t.same(operation.security ?? anyIdentity, withoutIdentity.includes(name) ? [] : anyIdentity, name);
    const failures = Object.keys(operation.responses ?? {}).filter(status => /^[45]/.test(status));
    t.same(failures, failuresLike(name) ?? ['4XX', '5XX'], `${name} has its error answers`);
  }
});

t.test('the version is that of the package', async t => {
  t.equal(description.info.version, packageFile.version);
});

/** Reads Fastify's tree of routes: four characters of indentation a level, as in `├── secret (POST)`. */
function registeredRoutes(tree: string): string[] {
  const path: string[] = [];
  return tree
    .split('\n')
    .filter(line => line !== '')
    .flatMap(line => {
      const [, indentation = '', segment = '', methods = ''] =
        /^(.*?)[├└]── (\S*)(?: \((.*)\))?$/.exec(line) ?? [];
      path.splice(indentation.length / 4, Infinity, segment);
      return methods.split(', ').flatMap(method =>
        method === ''
          ? []
          : `${method} ${path
              .join('')
              .replace('*', '{name}')
              .replace(/:(\w+)/, '{$1}')}`,
      );
    });
}
