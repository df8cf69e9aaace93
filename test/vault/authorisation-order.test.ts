import t from 'tap';
import type { Store } from '../../src/store/store.ts';
import { headerCaller, openTestVault } from './fixture.ts';

t.test('what the policy denies is decided before the store is asked', async t => {
  const policy =
    'clients: { admin: { allow: ["*"] }, web: { allow: ["list *"] }, writer: { allow: ["update *"] } }';
  const loaded: string[] = [];
  const through = (store: Store) =>
    new Proxy(store, {
      get(target, key) {
        const member: unknown = Reflect.get(target, key);
        if (typeof member !== 'function') return member;
        if (key === 'get') loaded.push('get');
        return member.bind(target);
      },
    });
  const { vault, close, records } = await openTestVault({
    folder: t.testdir(),
    policy,
    now: () => 1000,
    through,
  });
  const admin = headerCaller('admin');
  const web = headerCaller('web');
  await vault.create(admin, 'kept', { value: 'v' });
  const input = { value: 'v', activate: true };
  for (const name of ['kept', 'missing']) {
    for (const denied of [
      () => vault.put(web, name, input),
      () => vault.read(web, name, null, () => false),
      () => vault.activate(web, name, 1),
      () => vault.delete(web, name),
      () => vault.purge(web, name),
      () => vault.undelete(web, name),
      () => vault.rotate(web, [name], null),
      () => vault.create(web, name, input),
    ]) {
      loaded.length = 0;
      await t.rejects(async () => void (await denied()), { code: 'not_authorized' });
      t.same(loaded, [], `${denied}`);
    }
  }
  const writer = headerCaller('writer');
  await t.resolves(vault.put(writer, 'kept', input));
  await t.rejects(
    vault.put(writer, 'missing', input),
    { code: 'not_authorized' },
    'a new name needs create, too',
  );
  t.match(records().at(-1), { event: 'refusal', client: 'writer', resource: 'missing' });
  await close();
});

t.test('to choose the generator takes the right to update', async t => {
  const policy = 'clients: { admin: { allow: ["*"] }, turner: { allow: ["rotate *"] } }';
  const { vault, close, records } = await openTestVault({ folder: t.testdir(), policy, now: () => 1000 });
  await vault.create(headerCaller('admin'), 'kept', { value: 'v' });
  const turner = headerCaller('turner');
  await t.rejects(vault.rotate(turner, ['kept'], { type: 'uuid' }), {
    code: 'not_authorized',
    message: /update "kept"/,
  });
  t.match(records().at(-1), { event: 'refusal', client: 'turner', resource: 'kept', outcome: 'denied' });
  await t.resolves(vault.rotate(turner, ['kept'], null));
  await t.resolves(vault.rotate(headerCaller('admin'), ['kept'], { type: 'uuid' }));
  await close();
});
