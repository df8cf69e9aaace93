import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { configLeaves, variableName } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';
import { StartError } from '../../src/errors.ts';
import { checkout } from '../helpers/service.ts';
import { anyCharacter } from '../helpers/text.ts';

const folder = t.testdir();
const file = join(folder, 'config.toml');

function load(text: string, environment: Record<string, string> = {}): unknown {
  // A new file each time: one that is written over goes to the disk when it is closed.
  rmSync(file, { force: true });
  writeFileSync(file, text);
  return loadConfig(file, environment);
}

/** Each key with a value that is not its default: as TOML, as a variable, and as the service gets it. */
const settings: Record<string, readonly [toml: string, variable: string, value: unknown]> = {
  'server.bind_addr': ['"[::1]:9000"', '[::1]:9000', '[::1]:9000'],
  'server.allowed_hosts': ['["a.example", "b.example"]', 'a.example, b.example', ['a.example', 'b.example']],
  'server.init': ['"require"', 'require', 'require'],
  'server.allow_plaintext': ['true', 'true', true],
  'server.socket_mode': ['"0660"', '0660', '0660'],
  'server.socket_group': ['"staff"', 'staff', 'staff'],
  'server.tls.certificate_file': ['"tls/a.crt"', 'tls/a.crt', join(folder, 'tls/a.crt')],
  'server.tls.key_file': ['"/run/a.key"', '/run/a.key', '/run/a.key'],
  'server.tls.min_version': ['"1.2"', '1.2', '1.2'],
  'server.tls.client_ca_file': ['"ca.crt"', 'ca.crt', join(folder, 'ca.crt')],
  'server.tls.client_crl_file': ['"ca.crl"', 'ca.crl', join(folder, 'ca.crl')],
  'paths.vault_path': ['"x/v.db"', 'x/v.db', join(folder, 'x/v.db')],
  'paths.audit_path': ['"/var/audit"', '/var/audit', '/var/audit'],
  'paths.master_key_path': ['"../m.key"', '../m.key', join(folder, '../m.key')],
  'paths.bootstrap_token_path': ['"../b.token"', '../b.token', join(folder, '../b.token')],
  'security.identity': ['"token"', 'token', 'token'],
  'security.rbac_policy_path': ['"p.yaml"', 'p.yaml', join(folder, 'p.yaml')],
  'security.rotation_days': ['30', '30', 30],
  'security.grace_days': ['0', '0', 0],
  'audit.sync': ['"changes"', 'changes', 'changes'],
  'audit.segment_bytes': ['4096', '4096', 4096],
  'logging.level': ['"silent"', 'silent', 'silent'],
  'logging.json': ['false', 'false', false],
  'limits.client_rate': ['50', '50', 50],
  'limits.client_burst': ['5', '5', 5],
  'limits.address_rate': ['0', '0', 0],
  'limits.address_burst': ['7', '7', 7],
  'limits.failed_authentications': ['10', '10', 10],
  'limits.max_connections': ['20', '20', 20],
  'limits.max_requests': ['30', '30', 30],
  'limits.answer_bytes': ['2097152', '2097152', 2_097_152],
  'limits.connection_answer_bytes': ['65536', '65536', 65_536],
  'limits.cache_bytes': ['0', '0', 0],
  'limits.disk_reserve_bytes': ['0', '0', 0],
  'quotas.secrets': ['20', '20', 20],
  'quotas.versions': ['30', '30', 30],
  'quotas.bytes': ['1048576', '1048576', 1_048_576],
  'quotas.tokens': ['0', '0', 0],
  'telemetry.prometheus.bind_addr': ['"0.0.0.0:9464"', '0.0.0.0:9464', '0.0.0.0:9464'],
  'telemetry.prometheus.max_connections': ['5', '5', 5],
  'telemetry.otlp.endpoint': ['"http://127.0.0.1:4318"', 'http://127.0.0.1:4318', 'http://127.0.0.1:4318'],
  'telemetry.otlp.trace_ratio': ['0.5', '0.5', 0.5],
};

t.test('every key is set by the file and by the environment, which wins', async t => {
  const keys = configLeaves(configSchema, []).map(({ path }) => path.join('.'));
  t.same(Object.keys(settings).toSorted(), keys.toSorted(), 'the table has every key');
  for (const [key, [toml, variable, value]] of Object.entries(settings)) {
    const name = variableName(key.split('.'));
    t.notSame(at(load(''), key), value, `${key} has another default`);
    t.same(at(load(`${key} = ${toml}`), key), value, `${key} in the file`);
    t.same(at(load('', { [name]: variable }), key), value, name);
  }
  t.equal(
    at(load('audit.sync = "changes"', { JARVIS_SECRETSD_AUDIT_SYNC: 'always' }), 'audit.sync'),
    'always',
  );
  t.same(load('', { PATH: '/bin', JARVIS: 'x', HOME: '' }), load(''), 'other variables mean nothing');
});

t.test('the configuration is frozen in depth', async t => {
  const config = load('');
  for (const key of ['server', 'server.tls', 'server.allowed_hosts', 'paths', 'telemetry.otlp']) {
    t.ok(Object.isFrozen(at(config, key)), key);
  }
  t.ok(Object.isFrozen(config));
});

const refused: Record<string, readonly [text: string, environment: Record<string, string>, message: string]> =
  {
    'broken TOML, with its line': ['[server]\nbind_addr = \n', {}, `${file}:2: `],
    'a key twice': ['logging.json = true\nlogging.json = true', {}, `${file}:2: `],
    'an unknown section': ['[sever]', {}, `${file}: unknown key sever;`],
    'an unknown key': ['[audit]\nsyncs = 1', {}, `${file}: unknown key audit.syncs;`],
    'an unknown key deep down': ['telemetry.otlp.url = 1', {}, 'unknown key telemetry.otlp.url;'],
    'an unknown key with a line break': ['"a\\r\\nb" = 1', {}, `${file}: unknown key a\\u000d\\u000ab;`],
    'a section that is none': ['server = 1', {}, `${file}: server must be object (it is 1)`],
    'a section that is none, under a variable': [
      'server = 1',
      { JARVIS_SECRETSD_SERVER_INIT: 'auto' },
      `${file}: server must be object`,
    ],
    'a word outside the list': [
      'audit.sync = "no"',
      {},
      'audit.sync must be one of always, changes (it is "no")',
    ],
    'a wrong type': ['logging.json = "yes"', {}, 'logging.json must be boolean (it is "yes")'],
    'a number out of bounds': ['audit.segment_bytes = 4095', {}, 'audit.segment_bytes must be >= 4096'],
    'a fraction': ['security.grace_days = 1.5', {}, 'security.grace_days must be integer (it is 1.5)'],
    'a mode that is none': ['server.socket_mode = "660"', {}, 'server.socket_mode'],
    'an old TLS': ['server.tls.min_version = "1.1"', {}, 'server.tls.min_version must be one of 1.3, 1.2'],
    'an empty path': ['paths.vault_path = ""', {}, 'paths.vault_path'],
    'a bad list member': ['server.allowed_hosts = [1]', {}, 'server.allowed_hosts'],
    'an address without a port': [
      'server.bind_addr = "localhost"',
      {},
      'server.bind_addr is "localhost"; it must',
    ],
    'a scrape address without a port': [
      'telemetry.prometheus.bind_addr = "localhost"',
      {},
      'telemetry.prometheus.bind_addr is "localhost"; it must',
    ],
    'a ratio beyond 1': ['telemetry.otlp.trace_ratio = 2', {}, 'trace_ratio must be <= 1 (it is 2)'],
    'a collector address with a password, which is not shown': [
      'telemetry.otlp.endpoint = "http://user:secret@127.0.0.1"',
      {},
      `${file}: telemetry.otlp.endpoint must match pattern "^https?://[^/?#@]+(/[^?#@]*)?$"`,
    ],
    'a variable that no key has': [
      '',
      { JARVIS_SECRETSD_PORT: '1' },
      'JARVIS_SECRETSD_PORT: no configuration key',
    ],
    'a variable that is no number': [
      '',
      { JARVIS_SECRETSD_SECURITY_GRACE_DAYS: 'ten' },
      'JARVIS_SECRETSD_SECURITY_GRACE_DAYS: security.grace_days must be integer (it is "ten")',
    ],
    'a variable outside the list': [
      '',
      { JARVIS_SECRETSD_LOGGING_LEVEL: 'loud' },
      'JARVIS_SECRETSD_LOGGING_LEVEL: logging.level must be one of fatal, ',
    ],
  };

for (const [what, [text, environment, message]] of Object.entries(refused)) {
  t.test(`${what} is refused`, async t => {
    const error = refusalOf(() => load(text, environment));
    t.ok(error?.message.includes(message), error?.message ?? 'it was accepted');
  });
}

t.test('a file that cannot be read is refused by name', async t => {
  const absent = join(folder, 'absent.toml');
  t.match(refusalOf(() => loadConfig(absent, {}))?.message, `${absent}: there is no such configuration file`);
  const directory = join(folder, 'directory.toml');
  mkdirSync(directory);
  t.match(refusalOf(() => loadConfig(directory, {}))?.message, `${directory}: EISDIR`);
});

t.test('whatever is done to the text, it loads or is refused in one line that names the file', async t => {
  const shipped = readFileSync(join(checkout, 'config.toml'), 'utf8');
  const fragment = fc.oneof(
    fc.constantFrom(
      '[',
      ']',
      '=',
      '"',
      '.',
      '\n',
      '#',
      '{}',
      '[[server]]',
      '\u0000',
      '1979-05-27',
      'nan',
      '-1',
    ),
    fc.constantFrom(
      '__proto__',
      'constructor = 1',
      'paths',
      '[telemetry]',
      '9223372036854775807',
      "'''",
      '\\u',
    ),
    fc.string({ unit: anyCharacter, maxLength: 8 }),
  );
  const edit = fc.record({ at: fc.nat(shipped.length), cut: fc.nat(20), put: fragment });
  const mutated = fc
    .array(edit, { maxLength: 4 })
    .map(edits =>
      edits.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), shipped),
    );
  const outcomes = { loaded: 0, refused: 0 };
  fc.assert(
    fc.property(mutated, text => {
      const error = refusalOf(() => load(text));
      outcomes[error === null ? 'loaded' : 'refused'] += 1;
      return error === null || (error.message.includes(file) && !error.message.includes('\n'));
    }),
    { numRuns: 1500 },
  );
  t.ok(outcomes.loaded > 100 && outcomes.refused > 100, `both happen: ${JSON.stringify(outcomes)}`);
});

/** What it was refused with, or null; any other exception is passed on. */
function refusalOf(work: () => unknown): StartError | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof StartError) return error;
    throw error;
  }
}

function at(config: unknown, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], config);
}

t.test('variables that Kubernetes and Docker make of the name of a service are left out', async t => {
  const file = join(t.testdir({ 'config.toml': '' }), 'config.toml');
  const service = (name: string, port: number): Record<string, string> => ({
    [`${name}_SERVICE_HOST`]: '10.96.0.1',
    [`${name}_SERVICE_PORT`]: String(port),
    [`${name}_SERVICE_PORT_HTTPS`]: String(port),
    [`${name}_PORT`]: `tcp://10.96.0.1:${port}`,
    [`${name}_PORT_${port}_TCP`]: `tcp://10.96.0.1:${port}`,
    [`${name}_PORT_${port}_TCP_PROTO`]: 'tcp',
    [`${name}_PORT_${port}_TCP_PORT`]: String(port),
    [`${name}_PORT_${port}_TCP_ADDR`]: '10.96.0.1',
  });
  const link = { JARVIS_SECRETSD_NAME: '/web/jarvis-secretsd', JARVIS_SECRETSD_ENV_TZ: 'UTC' };
  const defaults = loadConfig(file, {});
  t.same(loadConfig(file, service('JARVIS_SECRETSD', 8081)), defaults, 'a Service called jarvis-secretsd');
  t.same(
    loadConfig(file, service('JARVIS_SECRETSD_METRICS', 9464)),
    defaults,
    'one called jarvis-secretsd-metrics',
  );
  t.same(loadConfig(file, service('JARVIS_SECRETSD_SERVER', 1)), defaults, 'one called as a section is');
  t.same(loadConfig(file, { ...service('JARVIS_SECRETSD', 8081), ...link }), defaults, 'a link of Docker');
});

t.test('a mistyped variable is refused, also where it looks like one of a platform', async t => {
  const file = join(t.testdir({ 'config.toml': '' }), 'config.toml');
  const mistyped: Record<string, string>[] = [
    { JARVIS_SECRETSD_PORT: '9000' },
    { JARVIS_SECRETSD_PORT: '127.0.0.1:9000' },
    { JARVIS_SECRETSD_SERVICE_PORT: '9000' },
    { JARVIS_SECRETSD_SERVICE_HOST: 'localhost' },
    { JARVIS_SECRETSD_NAME: 'secrets' },
    { JARVIS_SECRETSD_ENV_TZ: 'UTC' },
    { JARVIS_SECRETSD_PORT: 'tcp://10.96.0.1:8081', JARVIS_SECRETSD_BIND_ADDR: '127.0.0.1:1' },
    { JARVIS_SECRETSD_PORT: 'tcp://10.96.0.1:8081', JARVIS_SECRETSD_METRICS_PORT: '9464' },
  ];
  for (const environment of mistyped) {
    t.throws(() => loadConfig(file, environment), { message: /no configuration key has this variable/ });
  }
});
