import t from 'tap';
import { type SourceFile, sourceFiles } from './source-files.ts';

/** From the top of the house down: a file imports from its own layer or a lower one. */
const layers: readonly (readonly string[])[] = [
  ['src/cli/main.ts'],
  [
    'src/cli/command-line.ts',
    'src/cli/help.ts',
    'src/cli/commands/',
    'src/cli/question.ts',
    'src/cli/check-report.ts',
  ],
  ['src/main.ts'],
  ['src/hand-over.ts'],
  ['src/running-service.ts'],
  ['src/service.ts'],
  ['src/working-vault.ts', 'src/start-check.ts', 'src/config-check.ts'],
  [
    'src/app.ts',
    'src/clock-watch.ts',
    'src/listening.ts',
    'src/logging.ts',
    'src/last-exit.ts',
    'src/descriptors.ts',
    'src/disk-free.ts',
    'src/vault-file-sizes.ts',
  ],
  ['src/handover/'],
  ['src/tls/', 'src/socket-access.ts', 'src/file-permissions.ts'],
  ['src/http/'],
  ['src/rotation/'],
  ['src/vault/'],
  ['src/policy/', 'src/audit/', 'src/store/', 'src/config/'],
  ['src/file-access.ts', 'src/clock/', 'src/durable-folders.ts'],
  [
    'src/mount-points.ts',
    'src/errors.ts',
    'src/exit-codes.ts',
    'src/temporary.ts',
    'src/supervisor.ts',
    'src/log-output.ts',
    'src/script-runner.ts',
    'src/signals.ts',
    'src/event-loop.ts',
    'src/fair-gate.ts',
    'src/fair-queue.ts',
    'src/gathering.ts',
    'src/json-schema.ts',
    'src/validator.ts',
  ],
];

/** Where keys or hashes live: who imports `node:crypto`, types included. */
const cryptoUsers = [
  'src/audit/chain.ts',
  'src/audit/pinned-file.ts',
  'src/audit/public-key.ts',
  'src/audit/reading.ts',
  'src/audit/scan.ts',
  'src/audit/settings.ts',
  'src/audit/structure.ts',
  'src/http/authentication/certificate-authorities.ts',
  'src/http/authentication/certificate-names.ts',
  'src/policy/policy-in-force.ts',
  'src/rotation/generators.ts',
  'src/rotation/key-thread.ts',
  'src/store/row-set.ts',
  'src/store/sealing.ts',
  'src/tls/certificates-in-force.ts',
  'src/tls/certificates.ts',
  'src/vault/cursors.ts',
  'src/vault/envelope.ts',
  'src/vault/hmac.ts',
  'src/vault/key-wrap.ts',
  'src/vault/keyring.ts',
  'src/vault/master-key.ts',
  'src/vault/row-mac.ts',
  'src/vault/token-format.ts',
  'src/vault/token-verifier.ts',
  'src/vault/tokens.ts',
  'src/vault/verification.ts',
];

/**
 * Who uses telemetry by more than its types: the server, a command that reports to nobody, one that looks at the settings,
 * and callers whose work is no span.
 */
const telemetryUsers = [
  'src/cli/commands/audit-accept-loss.ts',
  'src/cli/commands/check-config.ts',
  'src/cli/commands/clock-confirm.ts',
  'src/cli/commands/token-bootstrap.ts',
  'src/main.ts',
  'src/running-service.ts',
  'src/vault/caller.ts',
];

/** The only files that see `process`. */
const processUsers = ['src/cli/command-line.ts', 'src/cli/main.ts', 'src/main.ts'];

/** Every way into the vault, the store and the keys from outside their folders, but for types. */
const waysIn = [
  'src/cli/commands/audit-accept-loss.ts → src/vault/opening.ts',
  'src/cli/commands/audit-accept-loss.ts → src/vault/recovery.ts',
  'src/cli/commands/audit-key.ts → src/vault/opening.ts',
  'src/cli/commands/audit-verify.ts → src/vault/checking.ts',
  'src/cli/commands/check.ts → src/vault/acceptance.ts',
  'src/cli/commands/check.ts → src/vault/checking.ts',
  'src/cli/commands/policy-test.ts → src/vault/names.ts',
  'src/http/authentication/header-identity.ts → src/vault/caller.ts',
  'src/http/routes/tokens.ts → src/vault/source-networks.ts',
  'src/http/schemas.ts → src/vault/names.ts',
  'src/start-check.ts → src/vault/opening.ts',
  'src/working-vault.ts → src/vault/integrity-watch.ts',
  'src/working-vault.ts → src/vault/opening.ts',
  'src/working-vault.ts → src/vault/recovery.ts',
  'src/working-vault.ts → src/vault/trust.ts',
  'src/working-vault.ts → src/vault/vault.ts',
];

const src = sourceFiles('src');
const telemetry = sourceFiles('telemetry');

function layerOf(path: string): number {
  return layers.findIndex(places =>
    places.some(place => path === place || (place.endsWith('/') && path.startsWith(place))),
  );
}

function imported(files: readonly SourceFile[]) {
  return files.flatMap(file => file.imports.map(line => ({ from: file.path, ...line })));
}

t.test('imports run downward', async t => {
  for (const { path } of src) t.not(layerOf(path), -1, `${path} has a layer`);
  const within = imported(src).filter(({ target }) => target.startsWith('src/'));
  t.ok(within.length > 100, 'imports were found');
  const upward = within.filter(({ from, target }) => layerOf(target) < layerOf(from));
  t.same(upward, []);
});

t.test('neighbours of one layer do not know each other', async t => {
  const separate = ['src/policy/', 'src/audit/', 'src/store/', 'src/config/'];
  const folderOf = (path: string) => separate.find(folder => path.startsWith(folder));
  const crossing = imported(src).filter(({ from, target }) => {
    const [a, b] = [folderOf(from), folderOf(target)];
    return a !== undefined && b !== undefined && a !== b;
  });
  t.same(crossing, []);
});

t.test('telemetry knows nothing of the service, and the service only its types', async t => {
  t.same(
    imported(telemetry).filter(({ target }) => target.startsWith('src/')),
    [],
  );
  const wired = imported(src).filter(({ target, isType }) => target.startsWith('telemetry/') && !isType);
  t.same([...new Set(wired.map(({ from }) => from))].toSorted(), telemetryUsers);
});

t.test('OpenTelemetry is in telemetry/', async t => {
  t.same(
    imported(src).filter(({ target }) => target.startsWith('@opentelemetry/')),
    [],
  );
});

t.test('node:crypto is where keys and hashes live', async t => {
  const users = imported(src).filter(({ target }) => target === 'node:crypto');
  t.same([...new Set(users.map(({ from }) => from))].toSorted(), cryptoUsers);
});

t.test('the process is seen by the two main.ts', async t => {
  const users = [...src, ...telemetry].filter(
    ({ text, imports }) =>
      /(?<![\w.'"])process\.\w/.test(withoutComments(text)) ||
      imports.some(({ target }) => target === 'node:process'),
  );
  t.same(users.map(({ path }) => path).toSorted(), processUsers);
});

t.test('nothing reaches a value, the store or the keys around the vault', async t => {
  const guarded = ['src/vault/', 'src/store/'];
  const isInside = (path: string) => guarded.some(folder => path.startsWith(folder));
  const entries = imported(src).filter(
    ({ from, target, isType }) => !isType && isInside(target) && !isInside(from),
  );
  t.same(entries.map(({ from, target }) => `${from} → ${target}`).toSorted(), waysIn);
});

t.test('a file has one reason to change', async t => {
  const long = [...src, ...telemetry].filter(({ text }) => text.split('\n').length > 301);
  t.same(
    long.map(({ path }) => path),
    [],
  );
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
}
