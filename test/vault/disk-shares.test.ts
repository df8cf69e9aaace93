import t from 'tap';
import { DiskShares } from '../../src/vault/disk-shares.ts';
import { headerCaller, openTestVault } from './fixture.ts';

const megabyte = 1_048_576;

function setup(free: number | null) {
  const state = { free, now: 0 };
  const counted: string[] = [];
  const shares = new DiskShares(
    { freeBytes: () => state.free, bytes: 100 * megabyte },
    { requestLimited: limit => void counted.push(limit) },
    () => state.now,
  );
  return { shares, state, counted };
}

t.test('the noisiest is refused first, and only while the disk is short of space', async t => {
  const { shares, state, counted } = setup(200 * megabyte);
  shares.note('noisy', 10 * megabyte);
  shares.note('quiet', 50_000);
  shares.admit('noisy', 1);
  t.equal(shares.shortage, 0);
  state.free = 50 * megabyte;
  t.equal(shares.shortage, 1);
  t.throws(() => shares.admit('noisy', 1), {
    code: 'too_many_requests',
    headers: { 'retry-after': /^\d+$/ },
  });
  shares.admit('noisy', 2);
  for (const client of ['quiet', 'never seen']) shares.admit(client, 1);
  state.free = 20 * megabyte;
  t.equal(shares.shortage, 2);
  t.throws(() => shares.admit('noisy', 2), { code: 'too_many_requests' }, 'in the end reads, too');
  shares.admit('quiet', 2);
  t.same(counted, ['disk', 'disk']);
  state.free = null;
  shares.admit('noisy', 1);
  t.equal(shares.shortage, 0, 'nobody is refused for what is not known');
});

t.test('what was written counts less and less, so that nobody is refused for good', async t => {
  const { shares, state } = setup(megabyte);
  shares.note('noisy', 4 * megabyte);
  shares.note('quiet', 2000);
  t.throws(() => shares.admit('noisy', 1));
  state.now += 6 * 60_000;
  shares.admit('noisy', 1);
});

t.test('a client that is alone is within its share', async t => {
  const { shares } = setup(megabyte);
  shares.note('alone', 100 * megabyte);
  shares.admit('alone', 2);
  t.pass();
});

t.test(
  'on a nearly full disk the vault refuses the noisiest changes and denials, and serves the others',
  async t => {
    let free = 1000 * megabyte;
    const { vault, close, records } = await openTestVault({
      folder: t.testdir(),
      policy: `clients:
  noisy: { allow: ["noisy/*"] }
  quiet: { allow: ["quiet/*"] }
`,
      now: () => 1_000_000,
      diskReserve: { freeBytes: () => free, bytes: 100 * megabyte },
    });
    const noisy = headerCaller('noisy');
    const quiet = headerCaller('quiet');
    await vault.create(quiet, 'quiet/a', { value: 'v' });
    for (let count = 0; count < 5; count++) {
      await vault.create(noisy, `noisy/${count}`, { value: 'v'.repeat(60_000) });
    }
    free = 50 * megabyte;
    const before = records().length;
    const refused = { code: 'too_many_requests' };
    await t.rejects(vault.create(noisy, 'noisy/more', { value: 'v' }), refused);
    await t.rejects(
      vault.read(noisy, 'quiet/a', null, () => false),
      refused,
      'in place of a denial',
    );
    t.equal(records().length, before, 'without a record');
    t.equal((await vault.read(noisy, 'noisy/0', null, () => false)).version, 1, 'it may still read');
    await vault.create(quiet, 'quiet/b', { value: 'v' });
    await t.rejects(
      vault.read(quiet, 'noisy/0', null, () => false),
      { code: 'not_authorized' },
    );
    free = 10 * megabyte;
    await t.rejects(
      vault.read(noisy, 'noisy/0', null, () => false),
      refused,
    );
    await t.rejects(vault.list(noisy, '', 10, null), refused);
    t.equal((await vault.read(quiet, 'quiet/a', null, () => false)).version, 1);
    await close();
  },
);
