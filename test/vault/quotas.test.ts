import t from 'tap';
import type { QuotaLimits } from '../../src/vault/quotas.ts';
import { headerCaller, openTestVault, type TestVault } from './fixture.ts';

const admin = headerCaller('admin');
const web = headerCaller('web');
const policy = `clients:
  admin: { allow: ["*", "purge *", "admin tokens/*"] }
  web: { allow: ["web/*", "purge web/*", "admin tokens/web"] }
  db: { allow: ["db/*"] }
`;
const exceeded = { code: 'quota_exceeded' };
const value = { value: 'v'.repeat(1000) };

async function opened(
  folder: string,
  quotas: Partial<QuotaLimits>,
): Promise<TestVault & { counted: string[] }> {
  const counted: string[] = [];
  const none = { secrets: 0, versions: 0, bytes: 0, tokens: 0 };
  const vault = await openTestVault({
    folder,
    policy,
    now: () => 1_000_000,
    quotas: { ...none, ...quotas },
    metrics: { quotaExceeded: quota => void counted.push(quota) },
  });
  return { ...vault, counted };
}

t.test('a namespace has so many secrets, and neither deletion nor a restart makes room', async t => {
  const folder = t.testdir();
  let { vault, close, records, counted } = await opened(folder, { secrets: 3 });
  for (const name of ['web/a', 'web/b', 'web/c']) await vault.create(web, name, value);
  await t.rejects(vault.create(web, 'web/d', value), exceeded);
  await t.rejects(
    vault.put(web, 'web/d', { ...value, activate: true }, () => true),
    exceeded,
  );
  await vault.put(web, 'web/a', { ...value, activate: true }, () => true);
  t.same(counted, ['secrets', 'secrets']);
  t.match(
    records().filter(({ event }) => event === 'failure'),
    [{ client: 'web', resource: 'web/d', outcome: 'quota_exceeded' }, {}],
  );

  await vault.create(headerCaller('db'), 'db/a', value);
  t.pass('another namespace has its own');
  await vault.delete(web, 'web/a');
  await t.rejects(vault.create(web, 'web/d', value), exceeded, 'a deleted secret still counts');
  await vault.purge(web, 'web/a');
  await vault.create(web, 'web/d', value);
  await t.rejects(vault.undelete(web, 'web/a'), { code: 'not_found' });
  await t.rejects(vault.create(web, 'web/a', value), exceeded, 'a purged name is no way around');
  await close();

  ({ vault, close, counted } = await opened(folder, { secrets: 3 }));
  await t.rejects(vault.create(admin, 'web/e', value), exceeded, 'right after a restart, and for everybody');
  t.match(vault.quotaShares(), [{ quota: 'secrets', share: 1 }, {}, {}]);
  await close();
});

t.test('changes at the same moment do not pass a quota together', async t => {
  const { vault, close } = await opened(t.testdir(), { secrets: 5 });
  const names = Array.from({ length: 20 }, (_, index) => `web/${index}`);
  const results = await Promise.allSettled(names.map(name => vault.create(web, name, value)));
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 5);
  await close();
});

t.test('a namespace has so many bytes: values, versions and names that were purged', async t => {
  const folder = t.testdir();
  let { vault, close } = await opened(folder, { bytes: 10_000 });
  await vault.create(web, 'web/a', { value: 'v'.repeat(6000) });
  await t.rejects(
    vault.put(web, 'web/a', { value: 'v'.repeat(6000), activate: true }, () => true),
    exceeded,
  );
  await vault.purge(web, 'web/a');
  await vault.create(web, 'web/b', { value: 'v'.repeat(6000) });
  t.pass('a purge gives back what the values took');
  await vault.purge(web, 'web/b');
  let purged = 2;
  const churn = async () => {
    for (; purged < 100; purged++) {
      await vault.create(web, `web/${purged}`, { value: 'v' });
      await vault.purge(web, `web/${purged}`);
    }
  };
  await t.rejects(churn(), exceeded, 'names that were purged take room, too');
  t.ok(purged > 10 && purged < 20, `${purged} names of 512 bytes`);
  await close();
  ({ vault, close } = await opened(folder, { bytes: 10_000 }));
  await t.rejects(churn(), exceeded, 'after a restart, too');
  await close();
});

t.test('a secret has so many versions; only destroyed ones make room', async t => {
  let now = 1_000_000;
  const { vault, close } = await openTestVault({
    folder: t.testdir(),
    policy,
    now: () => now,
    quotas: { secrets: 0, versions: 4, bytes: 0, tokens: 0 },
  });
  const rotation = { every: 120_000, grace: 60_000, generator: null };
  await vault.create(web, 'web/a', { value: 'supplied', rotation });
  for (let count = 0; count < 3; count++) await vault.rotate(web, ['web/a'], null);
  await t.rejects(vault.rotate(web, ['web/a'], null), exceeded, 'generated ones are in their grace');
  now += 60_000;
  await vault.upkeep.destroyEnded(10, web.span);
  const [rotated] = await vault.rotate(web, ['web/a'], null);
  t.match(rotated, { version: 5 });
  const numbers = async () =>
    (await vault.versions(web, 'web/a', 10, null)).versions.map(
      ({ version, state }) => `${version} ${state}`,
    );
  t.same(await numbers(), ['1 superseded', '3 destroyed', '4 superseded', '5 active']);
  t.equal((await vault.read(web, 'web/a', 1, () => false)).value, 'supplied', 'what a person supplied stays');

  await vault.create(web, 'web/b', { value: '1' });
  const put = (text: string) => vault.put(web, 'web/b', { value: text, activate: true }, () => true);
  for (const text of ['2', '3', '4']) await put(text);
  await t.rejects(put('5'), exceeded, 'nothing that a person supplied is destroyed');
  t.equal((await vault.read(web, 'web/b', null, () => false)).value, '4');
  t.equal((await vault.read(web, 'web/b', 1, () => false)).value, '1');
  await t.rejects(
    vault.create(web, 'web/c', { value: '1', rotation: { every: 60_000, grace: 600_000, generator: null } }),
    { code: 'bad_request', message: /10 versions in their grace, and quotas\.versions is 4/ },
  );
  await close();
});

t.test('a client has so many good tokens, and takes no room from others', async t => {
  const { vault, close, counted } = await opened(t.testdir(), { tokens: 3 });
  const issue = (client: string, caller = web) =>
    vault.createToken(caller, { client, description: '', lifetime: 60_000, sourceNetworks: [] });
  const tokens = [await issue('web'), await issue('web'), await issue('web')];
  await t.rejects(issue('web'), exceeded);
  t.same(counted, ['tokens']);
  await issue('db', admin);
  await vault.revokeToken(web, tokens[0]?.id ?? '');
  for (let count = 0; count < 20; count++) await vault.revokeToken(web, (await issue('web')).id);
  await issue('web');
  const { tokens: listed } = await vault.listTokens(admin, 100, null);
  t.ok(listed.filter(({ client }) => client === 'web').length <= 3 + 4, 'few that ended are kept');
  await close();
});
