import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'smol-toml';
import t from 'tap';
import { variableName } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { StartError } from '../../src/errors.ts';

const file = join(t.testdir(), 'config.toml');

const limits = fc.record(
  {
    client_rate: fc.nat({ max: 1_000_000 }),
    client_burst: fc.integer({ min: 1, max: 1_000_000 }),
    address_rate: fc.nat({ max: 1_000_000 }),
    max_connections: fc.integer({ min: 1, max: 100_000 }),
  },
  { requiredKeys: [] },
);
const security = fc.record(
  { rotation_days: fc.integer({ min: 1, max: 3650 }), grace_days: fc.nat({ max: 3650 }) },
  { requiredKeys: [] },
);
const audit = fc.record({ sync: fc.constantFrom('always', 'changes') }, { requiredKeys: [] });
const config = fc.record({ limits, security, audit }, { requiredKeys: [] });

function load(values: object, environment: Record<string, string> = {}) {
  // A new file each time: one that is written over goes to the disk when it is closed.
  rmSync(file, { force: true });
  writeFileSync(file, stringify(values as Record<string, unknown>));
  return loadConfig(file, environment);
}

t.test('what a file sets is what the service gets, and the environment stands above it', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(config, config, (inFile, inEnvironment) => {
        const variables = Object.entries(inEnvironment).flatMap(([section, keys]) =>
          Object.entries(keys).map(([key, value]) => [variableName([section, key]), String(value)]),
        );
        const loaded = load(inFile, Object.fromEntries(variables));
        return (['limits', 'security', 'audit'] as const).every(section => {
          const expected = { ...inFile[section], ...inEnvironment[section] };
          const given: Record<string, unknown> = loaded[section];
          return Object.entries(expected).every(([key, value]) => given[key] === value);
        });
      }),
      { numRuns: 200 },
    ),
  );
});

/** What no key of these takes. */
const unfit = fc.oneof(
  fc.integer({ max: -1 }),
  fc.double({ min: 0.1, max: 0.9, noNaN: true }),
  fc.string(),
  fc.boolean(),
  fc.constant([]),
  fc.constant({}),
);

t.test('a value that does not fit is refused, with its key', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.constantFrom('client_rate', 'client_burst', 'address_rate', 'max_connections', 'max_requests'),
        unfit,
        (key, value) => {
          try {
            load({ limits: { [key]: value } });
          } catch (error) {
            return error instanceof StartError && error.message.includes(`limits.${key}`);
          }
          return false;
        },
      ),
      { numRuns: 200 },
    ),
  );
});
