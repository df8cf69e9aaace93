import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { createNoopMeter } from '@opentelemetry/api';
import t from 'tap';
import packageFile from '../../package.json' with { type: 'json' };
import { parseBindAddress } from '../../src/config/bind-address.ts';
import { loadConfig } from '../../src/config/load.ts';
import { listen } from '../../src/listening.ts';
import { createLogger } from '../../src/logging.ts';
import { startService } from '../../src/service.ts';
import { createMetrics } from '../../telemetry/instruments.ts';
import { noTracing } from '../../telemetry/tracing.ts';
import { checkout, install } from '../helpers/service.ts';

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
const withoutIdentity = ['GET /healthz', 'GET /metrics', 'GET /openapi.json', 'GET /readyz'];

/** Those that do not fail like a vault route. */
const failuresOf: Readonly<Record<string, readonly string[]>> = {
  'GET /healthz': [],
  'GET /metrics': ['500', '503'],
  'GET /readyz': ['503'],
};

/** The service in this process: what is registered can be asked of Fastify itself. */
const installation = await install(t.testdir(), { JARVIS_SECRETSD_LOGGING_LEVEL: 'warn' });
const config = loadConfig(installation.configFile, installation.environment);
const { app, stop } = await startService({
  config,
  version: packageFile.version,
  logger: createLogger(config.logging, stdout),
  telemetry: {
    metrics: createMetrics(createNoopMeter()),
    exposition: { render: async () => ({ status: 200, headers: {}, body: '' }) },
    tracing: noTracing,
  },
  lastExitReason: null,
  onFatal: error => t.fail(error.message),
});
await app.ready();
await listen(app.server, parseBindAddress(config.server.bind_addr, 'server.bind_addr'));
const answer = await fetch(`http://${config.server.bind_addr}/openapi.json`);
t.equal(answer.status, 200);
const description = (await answer.json()) as Description;
const registered = registeredRoutes(app.printRoutes()).toSorted();
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
  t.same(documented.toSorted(), operations);
});

t.test('each operation says what it does, who may ask and how it fails', async t => {
  const anyIdentity = [{ client: [] }, { token: [] }];
  t.same(description.security, anyIdentity);
  for (const { name, operation } of described) {
    t.ok(operation.summary, `${name} has a summary`);
    t.same(operation.security ?? anyIdentity, withoutIdentity.includes(name) ? [] : anyIdentity, name);
    const failures = Object.keys(operation.responses ?? {}).filter(status => /^[45]/.test(status));
    t.same(failures, failuresOf[name] ?? ['4XX', '5XX'], `${name} has its error answers`);
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
