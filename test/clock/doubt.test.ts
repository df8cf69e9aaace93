import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { TrustedClock } from '../../src/clock/trusted-clock.ts';
import { noSpan } from '../../telemetry/tracing.ts';
import { headerCaller, openTestVault } from '../vault/fixture.ts';
import { FakeTime } from './fake-time.ts';

// Of the whole file: a test's own folder is gone before its teardown closes the audit log.
const folders = t.testdir();
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;
const admin = headerCaller('admin');
const policy = 'clients: { admin: { allow: ["*", "admin *"] }, web: { allow: ["*"] } }';
const rotation = { every: 10 * day, grace: 3 * day, generator: null };

/** A vault whose secret `app/key` has a generated version 2 in its grace and the generated version 3 as its active one. */
async function setup(t: Test) {
  const time = new FakeTime();
  const clock = new TrustedClock(time);
  const opened = await openTestVault({
    folder: mkdtempSync(join(folders, 'vault-')),
    policy,
    now: () => clock.now(),
    moment: () => clock.moment(),
  });
  t.teardown(() => opened.close());
  const { vault } = opened;
  const { upkeep } = vault;
  /** What the scheduler does in a round; returns the names that it rotated. */
  const round = async () => {
    const due = await upkeep.dueNames(100, () => true);
    for (const name of due) await upkeep.rotateDue(name, noSpan);
    await upkeep.destroyEnded(100, noSpan);
    return due;
  };
  const states = async () =>
    (await vault.versions(admin, 'app/key', 100, null)).versions.map(({ state }) => state);
  await vault.create(admin, 'app/key', { value: 'supplied', rotation });
  time.watch(clock, minute);
  await vault.rotate(admin, ['app/key'], null);
  await vault.rotate(admin, ['app/key'], null);
  t.same(await states(), ['superseded', 'superseded', 'active']);
  return { ...opened, time, clock, round, states };
}

t.test(
  'a clock that jumps ahead for a while destroys nothing, and no rotation comes early or moves away',
  async t => {
    for (const jump of [4 * day, 11 * day, year, 20 * year]) {
      const { time, clock, round, states, vault } = await setup(t);
      time.step(jump);
      for (let rounds = 0; rounds < 5; rounds++) {
        t.same(await round(), []);
        time.watch(clock, minute);
      }
      t.same(await states(), ['superseded', 'superseded', 'active']);
      t.equal(
        (await vault.read(admin, 'app/key', 2, () => false)).value,
        'generated',
        'still readable in its grace',
      );

      const [rotated] = await vault.rotate(admin, ['app/key'], null);
      t.ok(
        (rotated?.expiresAt ?? 0) <= time.wall() - jump + rotation.every,
        'by request it rotates, and is due in time',
      );
      await vault.put(admin, 'other', { value: 'v', activate: true, rotation }, () => true);

      time.step(-jump);
      time.watch(clock, 2 * minute);
      t.same(await round(), []);
      t.same(
        (await vault.versions(admin, 'app/key', 100, null)).versions.slice(0, 3).map(({ state }) => state),
        ['superseded', 'superseded', 'superseded'],
      );

      time.pass(rotation.every + hour);
      clock.confirm();
      t.same((await round()).toSorted(), ['app/key', 'other'], 'at its time');
    }
  },
);

t.test('a step that stays is followed after its settling, not before', async t => {
  const { time, clock, round, states } = await setup(t);
  time.step(4 * day);
  t.same(await round(), []);
  time.watch(clock, 9 * hour);
  await round();
  t.same(await states(), ['superseded', 'superseded', 'active']);
  time.watch(clock, hour);
  await round();
  t.same(await states(), ['superseded', 'destroyed', 'active']);
});

t.test(
  'a version that is replaced while the clock is in doubt has its whole grace by either clock',
  async t => {
    for (const step of [-2 * day, 2 * day]) {
      const { time, clock, vault, round } = await setup(t);
      time.step(step);
      await vault.rotate(admin, ['app/key'], null);
      const replaced = (await vault.versions(admin, 'app/key', 100, null)).versions[2];
      const later = Math.max(time.wall(), time.wall() - step);
      t.equal(replaced?.destroyAt, later + rotation.grace);
      clock.confirm();
      time.watch(clock, hour);
      await round();
      t.equal((await vault.read(admin, 'app/key', 3, () => false)).value, 'generated');
    }
  },
);

t.test('the clock may come into doubt between the question what is due and its rotation', async t => {
  const { time, vault, states } = await setup(t);
  time.step(11 * day);
  await vault.upkeep.rotateDue('app/key', noSpan);
  await vault.upkeep.destroyEnded(100, noSpan);
  t.same(await states(), ['superseded', 'superseded', 'active']);
});

t.test(
  'a token that has expired by either clock is refused, and is good again when the clock is back',
  async t => {
    const { time, clock, vault } = await setup(t);
    const request = { client: 'web', description: '', lifetime: day, sourceNetworks: [] };
    const { token } = await vault.createToken(admin, request);
    const refusal = () => vault.verifyToken(token, null).refusal;
    time.step(2 * day);
    t.equal(refusal(), 'expired');
    await t.rejects(vault.createToken(admin, request), { code: 'unavailable', message: /clock confirm/ });
    time.step(-2 * day);
    t.equal(refusal(), null);
    time.watch(clock, 2 * minute);
    time.watch(clock, day);
    t.equal(refusal(), 'expired');
    time.step(-hour);
    t.equal(refusal(), 'expired', 'a clock that goes back does not bring it back');
  },
);

t.test('a start with a wrong clock ends no bootstrap token', async t => {
  const first = await setup(t);
  await first.vault.bootstrap.renew();
  const started = first.time.wall();
  await first.close();
  for (const wrong of [year, -year, 0]) {
    const clock = new TrustedClock(new FakeTime(started + wrong));
    clock.expectAfter(started);
    const { vault, close } = await openTestVault({
      folder: first.folder,
      policy,
      now: () => clock.now(),
      moment: () => clock.moment(),
    });
    t.equal(await vault.bootstrap.open(), 'waiting', `${wrong} ms off`);
    await close();
  }
});
