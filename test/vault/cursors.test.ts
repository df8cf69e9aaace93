import t from 'tap';
import { Cursors } from '../../src/vault/cursors.ts';
import { createKeyring } from '../../src/vault/keyring.ts';
import { headerCaller, openTestVault } from './fixture.ts';

const keyring = () => createKeyring({ masterKey: Buffer.alloc(32, 1) }).keyring;

t.test('a cursor is as long for one position as for any other, and opens for its reader alone', async t => {
  const cursors = new Cursors(keyring());
  const positions = ['a', 'x'.repeat(256), '000000000012345 t-0123456789abcdef'];
  const sealed = positions.map(position => cursors.seal('web', position));
  t.equal(new Set(sealed.map(cursor => cursor.length)).size, 1);
  t.same(
    sealed.map(cursor => cursors.open('web', cursor)),
    positions,
  );
  for (const cursor of sealed) t.throws(() => cursors.open('other', cursor), { code: 'not_found' });
  t.throws(
    () => new Cursors(keyring()).open('web', sealed[0] ?? ''),
    { code: 'not_found' },
    'of another vault',
  );
});

t.test('a cursor outlives its process, and takes no nonce of a data key', async t => {
  const keys = keyring();
  const untouched = { ...keys, dataKey: () => t.fail('a data key was used') as never };
  const cursor = new Cursors(untouched).seal('web', 'a');
  const again = new Cursors(untouched);
  t.equal(again.open('web', cursor), 'a');
  t.not(again.seal('web', 'a').split('.')[0], cursor.split('.')[0], 'another process seals with another key');
});

t.test('a list does not tell that names follow which the client may not list', async t => {
  const policy = `
clients:
  admin: { allow: ["*"] }
  reader: { allow: ["list *"], deny: ["hidden/*", "zz/*"] }
`;
  const { vault, close } = await openTestVault({ folder: t.testdir(), policy, now: () => 1000 });
  for (const name of ['app/1', 'app/2', 'hidden/1', 'hidden/2', 'zz/1']) {
    await vault.create(headerCaller('admin'), name, { value: 'v' });
  }
  const reader = headerCaller('reader');
  const whole = await vault.list(reader, '', 2, null);
  t.same([whole.secrets.length, whole.nextCursor], [2, null]);
  const first = await vault.list(reader, '', 1, null);
  const second = await vault.list(reader, '', 1, first.nextCursor);
  t.same([second.secrets.length, second.nextCursor], [1, null]);
  await close();
});
