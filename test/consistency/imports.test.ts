import t from 'tap';
import { type SourceFile, sourceFiles } from './source-files.ts';

/** From the top of the house down: a file imports from its own layer or a lower one (DESIGN §3). */
const layers: readonly (readonly string[])[] = [
  ['src/cli/main.ts', 'src/cli/commands/'],
  ['src/main.ts'],
  ['src/service.ts'],
  ['src/app.ts', 'src/listening.ts', 'src/logging.ts', 'src/last-exit.ts', 'src/disk-free.ts'],
  ['src/http/', 'src/rotation/'],
  ['src/vault/'],
  ['src/policy/', 'src/audit/', 'src/store/', 'src/config/'],
  ['src/errors.ts'],
];

/** Where keys or hashes live. */
const mayUseCrypto =
  /^src\/(vault\/(envelope|key-wrap|keyring|master-key|row-mac)|audit\/(chain|settings|structure|verify|start|log|checkpoints|segmented-log)|policy\/policy-in-force|rotation\/generators)\.ts$/;

/** May see the store or the keys: the vault, and who opens it. */
const mayOpenVault = /^src\/(vault\/|store\/|service\.ts|cli\/commands\/audit-verify\.ts)/;

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
  const separate = ['src/policy/', 'src/audit/', 'src/store/'];
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
  t.same(
    wired.filter(({ from }) => from !== 'src/main.ts'),
    [],
  );
  t.ok(wired.length > 0, 'main.ts wires telemetry');
});

t.test(
  'OpenTelemetry is in telemetry/, process in the two main.ts, crypto where keys and hashes live',
  async t => {
    const packages = imported(src);
    t.same(
      packages.filter(({ target }) => target.startsWith('@opentelemetry/')),
      [],
    );
    const crypto = packages.filter(({ target, isType }) => target === 'node:crypto' && !isType);
    t.same(
      crypto.filter(({ from }) => !mayUseCrypto.test(from)),
      [],
    );
    const users = [...src, ...telemetry].filter(
      ({ path, text }) =>
        /(?<![\w.'"])process\.\w/.test(withoutComments(text)) && !/^src\/(cli\/)?main\.ts$/.test(path),
    );
    t.same(
      users.filter(({ path }) => path !== 'telemetry/sdk.ts').map(({ path }) => path),
      [],
      'sdk.ts has a parameter of that name',
    );
  },
);

t.test('nothing reaches the store or the keys around the vault', async t => {
  const around = imported(src).filter(
    ({ from, target, isType }) =>
      !isType &&
      /^src\/(store\/|vault\/(envelope|keyring|master-key|key-wrap|rows|row-mac|committer)\.ts)/.test(
        target,
      ) &&
      !mayOpenVault.test(from),
  );
  t.same(around, []);
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
