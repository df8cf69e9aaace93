import t from 'tap';
import { headerCaller, openTestVault } from './fixture.ts';

const admin = headerCaller('admin');
const minute = 60_000;
const rule = { every: minute, grace: 0, generator: null };

async function dueOf(folder: string, policy: string, names: readonly string[]): Promise<readonly string[]> {
  let now = 1_000_000;
  const { vault, close } = await openTestVault({ folder, policy, now: () => now });
  for (const name of names) {
    now += 1;
    await vault.create(admin, name, { value: 'v', rotation: rule });
  }
  now += 2 * minute;
  const due = await vault.upkeep.dueNames(4, name => name !== 'web/0');
  await close();
  return due;
}

const many = Array.from({ length: 30 }, (_, index) => `web/${index}`);

t.test('the namespaces of the policy take turns at rotation, however much is due in one', async t => {
  const policy = `clients:
  admin: { allow: ["*"] }
  web: { allow: ["web/*"] }
  db: { allow: ["db/*"] }
`;
  const due = await dueOf(t.testdir(), policy, [...many, 'db/late', 'plain']);
  t.same(due, ['web/1', 'db/late', 'plain', 'web/2'], 'and what is not wanted is left out');
});

t.test('where the policy hands out no part of the name space, folders take turns', async t => {
  const due = await dueOf(t.testdir(), 'clients: { admin: { allow: ["*"] } }', [...many, 'db/late']);
  t.same(due, ['web/1', 'db/late', 'web/2', 'web/3']);
});
