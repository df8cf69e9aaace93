import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { beginKeyring } from '../src/vault/keyring.ts';
import { filesIn, type Installation, install } from './helpers/service.ts';
import { startInProcess } from './helpers/service-in-process.ts';

/** A vault file as an interrupted first start leaves it; with a master key, the keyring is begun. */
async function beginVault({ folder }: Installation, masterKey: Uint8Array | null): Promise<void> {
  const path = join(folder, 'data/vault.db');
  const onFatal = (error: Error) => {
    throw error;
  };
  const store = await openSqliteStore({ path, create: true, onFatal });
  if (masterKey !== null) await store.putState(beginKeyring(masterKey).state);
  await store.close();
}

function writeKey({ folder }: Installation, key: Uint8Array): void {
  mkdirSync(join(folder, 'keys'), { mode: 0o700 });
  writeFileSync(join(folder, 'keys/master.key'), key, { mode: 0o600 });
}

const key = Buffer.alloc(32, 1);
const otherKey = Buffer.alloc(32, 2);
const unknownKey =
  /master key \S+ is not known to belong to it.* move \S+vault\.db, \S+-wal and \S+-shm away/;
const lostKey = /There is a vault at \S+ but no master key at /;

/** What stands there, and why the start is refused; null where the start goes on. */
const states: Record<string, readonly [(installation: Installation) => Promise<void>, RegExp | null]> = {
  'a vault file without anything in it': [installation => beginVault(installation, null), null],
  'a vault that waits for its key': [installation => beginVault(installation, key), null],
  'a vault and the key that it waits for': [
    async installation => {
      await beginVault(installation, key);
      writeKey(installation, key);
      writeFileSync(join(installation.folder, 'keys/master.key.new'), key, { mode: 0o600 });
    },
    null,
  ],
  'a vault and another key than it waits for': [
    async installation => {
      await beginVault(installation, key);
      writeKey(installation, otherKey);
    },
    unknownKey,
  ],
  'what an earlier release left of a first start': [
    async installation => {
      await beginVault(installation, null);
      writeKey(installation, key);
    },
    unknownKey,
  ],
  'an empty vault file and a key': [
    async installation => {
      mkdirSync(join(installation.folder, 'data'), { mode: 0o700 });
      writeFileSync(join(installation.folder, 'data/vault.db'), '', { mode: 0o600 });
      writeKey(installation, key);
    },
    /the file is empty: the vault was lost, or the first start was interrupted\. Restore it/,
  ],
  'a key alone': [async installation => writeKey(installation, key), /no vault at \S+\. Restore or mount/],
};

for (const [what, [make, refusal]] of Object.entries(states)) {
  t.test(`${what}: ${refusal === null ? 'the start goes on from there' : 'refused'}`, async t => {
    const installation = await install(t.testdir());
    await make(installation);
    const before = filesIn(installation.folder).filter(file => !file.endsWith('.lock'));
    if (refusal !== null) {
      await t.rejects(startInProcess(installation), {
        name: 'StartError',
        message: refusal,
        isTemporary: false,
      });
      const after = filesIn(installation.folder).filter(file => !file.endsWith('.lock'));
      t.same(after, before, 'nothing is made');
      return;
    }
    const service = await startInProcess(installation);
    t.ok(service.service.isNew, 'the start says that the vault is new');
    t.equal((await service.request('POST', '/secret', { name: 'a', value: 'v' })).status, 201);
    await service.stop();
    t.notOk(filesIn(installation.folder).includes('keys/master.key.new'));
    const next = await startInProcess(installation);
    t.notOk(next.service.isNew);
    t.equal((await next.request('GET', '/secret/a')).status, 200);
    await next.stop();
  });
}

t.test('an interrupted first start is not finished where no vault may be made', async t => {
  const installation = await install(t.testdir(), { JARVIS_SECRETSD_SERVER_INIT: 'require' });
  await beginVault(installation, key);
  await t.rejects(startInProcess(installation), { message: /start once with server\.init = "auto"/ });
});

t.test('a vault that was used is never taken for an interrupted start', async t => {
  const complete = await install(t.testdir());
  await (await startInProcess(complete)).stop();
  for (const lost of [['keys/master.key'], ['keys/master.key', 'data/audit']]) {
    const folder = join(complete.folder, 'copy');
    cpSync(join(complete.folder, 'keys'), join(folder, 'keys'), { recursive: true });
    cpSync(join(complete.folder, 'data'), join(folder, 'data'), { recursive: true });
    for (const file of ['config.toml', 'policy.yaml'])
      cpSync(join(complete.folder, file), join(folder, file));
    for (const file of lost) rmSync(join(folder, file), { recursive: true });
    const installation = { ...complete, folder, configFile: join(folder, 'config.toml') };
    await t.rejects(startInProcess(installation), { message: lostKey }, lost.join(', '));
    t.notOk(filesIn(folder).includes('keys/master.key'), 'no key is made');
    rmSync(folder, { recursive: true });
  }
});

t.test('what platforms put into a volume is no half state', async t => {
  const installation = await install(t.testdir());
  for (const folder of [
    'data/lost+found',
    'data/audit/lost+found',
    'data/audit/.snapshot',
    'keys/lost+found',
  ]) {
    mkdirSync(join(installation.folder, folder), { recursive: true, mode: 0o700 });
    chmodSync(join(installation.folder, folder), 0o777);
  }
  const service = await startInProcess(installation);
  await service.stop();
});
