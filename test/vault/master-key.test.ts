import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createMasterKey, loadMasterKey, masterKeyExists, newMasterKey } from '../../src/vault/master-key.ts';

const isRoot = userInfo().uid === 0;
const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i));

t.test('a new key is random', async t => {
  t.equal(newMasterKey().length, 32);
  t.notSame(newMasterKey(), newMasterKey());
});

t.test('a created key is private and loads again', async t => {
  const folder = t.testdir();
  const path = join(folder, 'new', 'keys', 'master.key');
  createMasterKey(path, key);
  t.same(loadMasterKey(path), key);
  t.same(readdirSync(join(folder, 'new', 'keys')), ['master.key'], 'and nothing is left next to it');
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(statSync(join(folder, 'new', 'keys')).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, 'new')).mode & 0o777, 0o700);
});

t.test('an existing file is never replaced', async t => {
  const path = join(t.testdir({ 'master.key': 'precious' }), 'master.key');
  t.throws(() => createMasterKey(path, key), {
    name: 'StartError',
    message: `cannot create the master key ${path}: EEXIST`,
  });
  t.equal(readFileSync(path, 'utf8'), 'precious');
});

t.test('a folder that cannot be made is named', async t => {
  const path = join(t.testdir({ file: '' }), 'file', 'master.key');
  t.throws(() => createMasterKey(path, key), {
    name: 'StartError',
    message: `cannot create the master key ${path}: `,
  });
});

const forms = {
  'raw bytes': key,
  hexadecimal: `${key.toString('hex')}\n`,
  'capital hexadecimal': key.toString('hex').toUpperCase(),
  base64: `${key.toString('base64')}\r\n`,
  'base64 without a line end': key.toString('base64'),
};
for (const [form, content] of Object.entries(forms)) {
  t.test(`a key is read as ${form}`, async t => {
    t.same(loadMasterKey(privateFile(t.testdir(), content)), key);
  });
}

t.test('raw bytes that end like a line are all key', async t => {
  const content = Buffer.alloc(32, 10);
  t.same(loadMasterKey(privateFile(t.testdir(), content)), content);
});

const misfits = {
  empty: '',
  'a byte short': key.subarray(1),
  'a byte long': Buffer.concat([key, Buffer.of(10)]),
  'not hexadecimal': 'g'.repeat(64),
  'not base64': `${'*'.repeat(43)}=`,
  'two lines': `${key.toString('hex')}\n\n`,
};
for (const [form, content] of Object.entries(misfits)) {
  t.test(`a file that is ${form} is refused, and not shown`, async t => {
    const path = privateFile(t.testdir(), content);
    const size = Buffer.byteLength(content);
    t.throws(() => loadMasterKey(path), {
      name: 'StartError',
      message:
        `the master key ${path} holds ${size} bytes that are not a key: ` +
        'it must be 32 raw bytes, 64 hexadecimal digits or 44 characters of base64',
    });
  });
}

for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666, 0o444]) {
  const octal = mode.toString(8);
  t.test(`mode 0${octal} is refused with the command to run`, async t => {
    const path = privateFile(t.testdir(), key);
    chmodSync(path, mode);
    t.throws(() => loadMasterKey(path), {
      name: 'StartError',
      message: `the master key ${path} is open to other users (mode 0${octal}); run: chmod 600 '${path}'`,
    });
  });
}

t.test('a read-only key of its owner is fine', async t => {
  const path = privateFile(t.testdir(), key);
  chmodSync(path, 0o400);
  t.same(loadMasterKey(path), key);
});

t.test('mode 0440 is for a systemd credential of root only', { skip: !isRoot && 'needs root' }, async t => {
  const path = privateFile(t.testdir(), key);
  chmodSync(path, 0o440);
  chownSync(path, 0, 0);
  t.same(loadMasterKey(path), key);
  chownSync(path, 0, 12345);
  t.throws(() => loadMasterKey(path), { name: 'StartError' }, 'a group of others may read it');
  chownSync(path, 12345, 0);
  t.throws(() => loadMasterKey(path), { name: 'StartError' }, 'another owner may open it');
});

t.test('an absent key and a folder are named', async t => {
  const folder = t.testdir();
  const absent = join(folder, 'absent');
  t.throws(() => loadMasterKey(absent), {
    name: 'StartError',
    message: /^cannot read the master key .*absent: ENOENT/,
  });
  mkdirSync(join(folder, 'folder'));
  t.throws(() => loadMasterKey(join(folder, 'folder')), {
    name: 'StartError',
    message: /is not a regular file$/,
  });
});

t.test('what stands at the path exists, even when it leads nowhere', async t => {
  const folder = t.testdir({ 'master.key': '' });
  t.ok(masterKeyExists(join(folder, 'master.key')));
  t.notOk(masterKeyExists(join(folder, 'absent')));
  t.notOk(masterKeyExists(join(folder, 'absent', 'master.key')));
  symlinkSync(join(folder, 'unmounted'), join(folder, 'link'));
  t.ok(masterKeyExists(join(folder, 'link')));
});

t.test('a path that cannot be looked at is no absent key', async t => {
  const path = join(t.testdir(), 'x'.repeat(300));
  t.throws(() => masterKeyExists(path), {
    name: 'StartError',
    message: /^cannot look for the master key .*ENAMETOOLONG/,
  });
});

function privateFile(folder: string, content: string | Uint8Array): string {
  const path = join(folder, 'master.key');
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}
