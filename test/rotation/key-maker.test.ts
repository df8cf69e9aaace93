import { createPrivateKey } from 'node:crypto';
import { fdatasync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { KeyMaker } from '../../src/rotation/key-maker.ts';

const order = (owner: string, signal: AbortSignal | null = null) => ({ owner, signal });

t.test('the thread starts with the first key and ends when the maker is closed', async t => {
  const keys = new KeyMaker();
  t.notOk(keys.isRunning);
  const pem = await keys.make('ed25519', order('a'));
  t.equal(createPrivateKey(pem).asymmetricKeyType, 'ed25519');
  t.ok(keys.isRunning);
  const waiting = [keys.make('rsa-2048', order('a')), keys.make('rsa-2048', order('b'))];
  const refused = waiting.map(key => t.rejects(key, { code: 'unavailable' }));
  await keys.close();
  await Promise.all(refused);
  t.notOk(keys.isRunning);
  await t.rejects(keys.make('ed25519', order('a')), { code: 'unavailable' });
});

t.test('a sync of a file does not wait for keys', async t => {
  const keys = new KeyMaker();
  t.teardown(() => keys.close());
  await keys.make('ed25519', order('a'));
  let made = 0;
  const waiting = Array.from({ length: 12 }, async (_, index) => {
    await keys.make('rsa-2048', order(`owner ${index}`));
    made++;
  });
  const file = openSync(join(t.testdir(), 'file'), 'w');
  writeSync(file, 'x');
  await promisify(fdatasync)(file);
  t.ok(made < 4, `the sync was done when ${made} of 12 keys were made`);
  await Promise.all(waiting);
});

t.test('owners take turns', async t => {
  const keys = new KeyMaker();
  t.teardown(() => keys.close());
  const made: string[] = [];
  const make = async (owner: string) => {
    await keys.make('ed25519', order(owner));
    made.push(owner);
  };
  await Promise.all([...Array(15).fill('busy'), 'one', 'two'].map(make));
  t.equal(made.length, 17);
  t.ok(made.indexOf('one') <= 3, `turns: ${made.join(' ')}`);
  t.ok(made.indexOf('two') <= 4);
});

t.test('an owner that waits for too many keys is told when to come back; others are served', async t => {
  const keys = new KeyMaker();
  t.teardown(() => keys.close());
  const waiting = Array.from({ length: 21 }, () => keys.make('ed25519', order('busy')));
  await t.rejects(keys.make('ed25519', order('busy')), {
    code: 'too_many_requests',
    headers: { 'retry-after': /^[1-9][0-9]*$/ },
  });
  await keys.make('ed25519', order('other'));
  t.equal((await Promise.all(waiting)).length, 21, 'one under way and twenty that wait');
});

t.test('all together have a bound, too', async t => {
  const keys = new KeyMaker();
  const waiting = Array.from({ length: 501 }, (_, index) => keys.make('rsa-2048', order(`owner ${index}`)));
  const settled = Promise.allSettled(waiting);
  await t.rejects(keys.make('rsa-2048', order('another')), { code: 'overloaded' });
  await keys.close();
  await settled;
});

t.test('an order that is aborted is not carried out, and the next one is', async t => {
  const keys = new KeyMaker();
  t.teardown(() => keys.close());
  const gone = new AbortController();
  const first = keys.make('rsa-2048', order('a'));
  const second = keys.make('rsa-2048', order('b', gone.signal));
  const third = keys.make('ed25519', order('c'));
  gone.abort();
  await t.rejects(second, { code: 'unavailable' });
  t.match(await first, /BEGIN PRIVATE KEY/);
  t.match(await third, /BEGIN PRIVATE KEY/);
  await t.rejects(keys.make('rsa-2048', order('b', gone.signal)), { code: 'unavailable' });
});
