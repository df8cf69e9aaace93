import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { owned } from '../helpers/owned.ts';
import { install, type RunningService, startService } from '../helpers/service.ts';
import { campaignOnly, findTool } from './tools.ts';

/** As many requests as the runs below must make in all. */
const requests = 20_000;
const seed = '1';

/** One process each, side by side: the tool keeps one processor busy, and its threads get in each other's way. */
const runs: Readonly<Record<string, readonly string[]>> = {
  'every edge of the schemas, and operations in sequence': ['--phases', 'coverage,stateful'],
  'reads and removals': fuzzing(['GET', 'DELETE'], 2400),
  changes: fuzzing(['POST', 'PUT'], 2000),
};

function fuzzing(methods: readonly string[], examples: number): string[] {
  const included = methods.flatMap(method => ['--include-method', method]);
  return ['--phases', 'fuzzing', '--max-examples', String(examples), ...included];
}

/** A request that fits its schema may be answered so: 412 if its condition is false, 400 if it has one on several names. */
const expectations = `[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "400", "401", "403", "404", "409", "412", "429", "5xx"]
`;

interface Report {
  readonly complete: boolean;
  readonly operations: { readonly selected: number; readonly tested: number };
  readonly test_cases: { readonly generated: number; readonly with_failures: number };
  readonly failures: readonly unknown[];
  readonly errors: readonly unknown[];
}

const { PATH, HOME } = env;

// It takes 800 seconds where nothing else runs.
t.setTimeout(3_600_000);

async function runOver(
  service: RunningService,
  folder: string,
  name: string,
  options: readonly string[],
): Promise<{ report: Report; output: string }> {
  const reportFile = join(folder, `${name.replaceAll(/\W+/g, '-')}.json`);
  const child = spawn(
    'env',
    [
      ...owned,
      findTool('schemathesis') ?? 'schemathesis',
      ...['run', `${service.url}/openapi.json`, '--header', 'X-Jarvis-Client: admin', '--checks', 'all'],
      ...['--seed', seed, '--no-color', '--no-shrink', '--generation-database', 'none'],
      // About how quickly it finds cases that fit our patterns, not about the answers.
      ...['--suppress-health-check', 'all', '--report', 'json', '--report-json-path', reportFile],
      ...options,
    ],
    // Without the variables of the test runner, which would have it draw progress bars.
    { cwd: folder, env: { PATH, HOME }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [output, complaints] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { report: JSON.parse(readFileSync(reportFile, 'utf8')), output: output + complaints };
}

t.test(
  `${requests} requests made from the description: all checks hold, none is answered 5xx`,
  { skip: campaignOnly },
  async t => {
    const folder = t.testdir({ 'schemathesis.toml': expectations });
    const service = await startService(await install(join(folder, 'service')));
    t.teardown(() => service.stop());
    const results = await Promise.all(
      Object.entries(runs).map(async ([name, options]) => ({
        name,
        ...(await runOver(service, folder, name, options)),
      })),
    );
    let total = 0;
    for (const { name, report, output } of results) {
      const { complete, operations, test_cases, failures, errors } = report;
      t.ok(complete, name);
      t.same({ failures, errors }, { failures: [], errors: [] }, `${name}\n${output}`);
      t.equal(operations.tested, operations.selected, 'every operation was tested');
      t.comment(`${name}: ${test_cases.generated} cases over ${operations.tested} operations, none failed`);
      total += test_cases.generated;
    }
    t.ok(total >= requests, `${total} cases`);
    t.equal(service.child.exitCode, null, 'the service lives');
    t.equal((await fetch(`${service.url}/readyz`)).status, 200);
  },
);
