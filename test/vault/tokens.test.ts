import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { certain } from '../../src/clock/trusted-clock.ts';
import type { StoredToken } from '../../src/store/store.ts';
import { hashToken, newToken } from '../../src/vault/token-format.ts';
import { TokenIndex } from '../../src/vault/token-index.ts';
import { Trust } from '../../src/vault/trust.ts';
import type { Caller, Vault } from '../../src/vault/vault.ts';
import { headerCaller, openTestVault, type TestVaultOptions } from './fixture.ts';

// Of the whole file: a test's own folder is gone before its teardown closes the audit log.
const folders = t.testdir();
const day = 86_400_000;
const admin = headerCaller('admin');
const web = { client: 'web', description: '', lifetime: day, sourceNetworks: [] };
const policy = `
clients:
  admin: { allow: ["*", "admin *"] }
  team: { allow: ["admin tokens/web"] }
  web: { allow: ["*"] }
`;

async function setup(t: Test, options: Partial<TestVaultOptions> = {}) {
  const clock = { now: Date.UTC(2026, 0, 1) };
  const failures: string[] = [];
  const opened = await openTestVault({
    folder: mkdtempSync(join(folders, 'vault-')),
    policy,
    now: () => clock.now,
    metrics: { authenticationFailed: reason => void failures.push(reason) },
    ...options,
  });
  t.teardown(() => opened.close());
  return { ...opened, clock, failures };
}

/** As the HTTP side makes a caller of a token. */
function callerOf(vault: Vault, token: string): Caller {
  const { refusal, holder } = vault.verifyToken(token, '127.0.0.1');
  if (refusal !== null) throw new Error(`the token was refused: ${refusal}`);
  const { client, id, credential } = holder;
  return { ...headerCaller(client), identityMethod: 'token', credentialId: id, credential };
}

t.test('a token is good until it expires, and no millisecond longer', async t => {
  const { vault, clock } = await setup(t);
  const { token, expiresAt, createdAt } = await vault.createToken(admin, web);
  t.equal(expiresAt - createdAt, day);
  clock.now = expiresAt - 1;
  const caller = callerOf(vault, token);
  await vault.create(caller, 'a', { value: 'v' });
  clock.now = expiresAt;
  t.equal(vault.verifyToken(token, '127.0.0.1').refusal, 'expired');
  await t.rejects(
    vault.read(caller, 'a', null, () => false),
    { code: 'unauthenticated' },
    'nor for a request that came before',
  );
});

t.test('a change that waits its turn is refused when its token is revoked meanwhile', async t => {
  const gate = Promise.withResolvers<string>();
  const { vault, records, failures } = await setup(t, { generate: () => gate.promise });
  await vault.create(admin, 'a', { value: 'v1' });
  const { token, id } = await vault.createToken(admin, web);
  const caller = callerOf(vault, token);
  const first = vault.rotate(admin, ['a'], null);
  const waiting = vault.put(caller, 'a', { value: 'v3', activate: true }, () => true);
  await vault.revokeToken(admin, id);
  gate.resolve('v2');
  await first;
  await t.rejects(waiting, { code: 'unauthenticated', message: 'The bearer token is not valid.' });

  t.equal((await vault.read(admin, 'a', null, () => false)).value, 'v2');
  t.match(records().at(-2), {
    event: 'unauthenticated',
    client: 'web',
    credential_id: id,
    outcome: 'revoked',
  });
  t.same(failures, ['revoked'], 'counted as a failure, and no decision of the policy');
});

t.test('every operation asks again', async t => {
  const { vault, records } = await setup(t);
  await vault.create(admin, 'a', { value: 'v' });
  const { token, id } = await vault.createToken(admin, { ...web, client: 'admin' });
  const caller = callerOf(vault, token);
  await vault.revokeToken(admin, id);
  const before = records().length;
  const operations: readonly (() => Promise<unknown>)[] = [
    () => vault.read(caller, 'a', null, () => false),
    () => vault.versions(caller, 'a', 10, null),
    () => vault.list(caller, '', 10, null),
    () => vault.create(caller, 'b', { value: 'v' }),
    () => vault.put(caller, 'a', { value: 'w', activate: true }, () => true),
    () => vault.activate(caller, 'a', 1),
    () => vault.delete(caller, 'a'),
    () => vault.purge(caller, 'a'),
    () => vault.undelete(caller, 'a'),
    () => vault.rotate(caller, ['a'], null),
    () => vault.createToken(caller, web),
    () => vault.listTokens(caller, 10, null),
    () => vault.revokeToken(caller, id),
  ];
  for (const operation of operations)
    await t.rejects(operation, { code: 'unauthenticated' }, String(operation));
  const refused = records().slice(before);
  t.same(
    refused.map(({ event, outcome }) => `${event} ${outcome}`),
    operations.map(() => 'unauthenticated revoked'),
  );
});

t.test('the time of last use is written when a minute has passed, and when the service ends', async t => {
  const { vault, clock, folder, close, ...rest } = await setup(t);
  const made = await vault.createToken(admin, web);
  const lastUsed = async (vault: Vault) => (await vault.listTokens(admin, 10, null)).tokens[0]?.lastUsedAt;
  t.equal(await lastUsed(vault), null);
  callerOf(vault, made.token);
  const first = clock.now;
  await vault.upkeep.recordTokenUses();
  t.equal(storedUse(folder), first);
  clock.now += 59_000;
  callerOf(vault, made.token);
  await vault.upkeep.recordTokenUses();
  t.equal(storedUse(folder), first, 'not yet');
  t.equal(await lastUsed(vault), clock.now, 'but known');
  await vault.upkeep.recordLastTokenUses();
  t.equal(storedUse(folder), clock.now);
  const { length } = rest.records();
  t.equal(length, rest.records().length, 'no record of the audit log');

  clock.now += 1000;
  callerOf(vault, made.token);
  await vault.revokeToken(admin, made.id);
  t.equal(storedUse(folder), clock.now, 'kept by the revocation');
});

t.test('a list holds what the caller may administer, page by page, and never a token', async t => {
  const { vault, clock, records } = await setup(t);
  const ids: string[] = [];
  for (const client of ['web', 'admin', 'web', 'web']) {
    clock.now += 1;
    ids.push((await vault.createToken(admin, { ...web, client })).id);
  }
  const team = headerCaller('team');
  const first = await vault.listTokens(team, 2, null);
  t.same(
    first.tokens.map(({ id }) => id),
    [ids[0], ids[2]],
  );
  const second = await vault.listTokens(team, 2, first.nextCursor);
  t.same(
    second.tokens.map(({ id }) => id),
    [ids[3]],
  );
  t.equal(second.nextCursor, null);
  t.same(
    Object.keys(first.tokens[0] ?? {}).filter(key => /token|hash|mac/i.test(key)),
    [],
  );
  await t.rejects(vault.listTokens(admin, 2, first.nextCursor), { code: 'not_found' }, 'of another client');
  const secrets = await vault.list(admin, '', 1, null);
  t.equal(secrets.nextCursor, null);
  await t.rejects(vault.listTokens(headerCaller('web'), 2, null), { code: 'not_authorized' });
  t.match(records().at(-1), { event: 'refusal', client: 'web', resource: 'tokens/', outcome: 'denied' });
  const hidden = { code: 'not_authorized', message: 'The policy does not let "team" revoke this token.' };
  await t.rejects(vault.revokeToken(team, ids[1] ?? ''), hidden, 'it does not say whose token it is');
  await t.rejects(vault.revokeToken(team, 't-0'), hidden, 'whether or not it exists');
  await t.rejects(vault.createToken(team, { ...web, client: 'admin' }), { code: 'not_authorized' });
  await t.resolves(vault.revokeToken(team, ids[0] ?? ''));
});

t.test('a token is refused from elsewhere', async t => {
  const { vault } = await setup(t);
  const { token } = await vault.createToken(admin, { ...web, sourceNetworks: ['10.0.0.0/8'] });
  t.equal(vault.verifyToken(token, '::ffff:10.1.1.1').refusal, null);
  t.equal(vault.verifyToken(token, '127.0.0.1').refusal, 'wrong_network');
  t.equal(vault.verifyToken(token, null).refusal, 'wrong_network');
});

t.test('rows that the vault did not write are refused and logged, and the others stay good', async t => {
  const first = await setup(t);
  const { folder, clock } = first;
  const raised = await first.vault.createToken(admin, web);
  const good = await first.vault.createToken(admin, { ...web, client: 'admin' });
  await first.close();
  const inserted = newToken();
  const database = new DatabaseSync(join(folder, 'data/vault.db'));
  database.prepare("UPDATE tokens SET client = 'admin' WHERE id = ?").run(raised.id);
  database
    .prepare(
      `INSERT INTO tokens SELECT 't-0000000000000000', ?, client, description, created_at, expires_at,
         source_networks, last_used_at, revoked_at, intent_seq, mac FROM tokens WHERE id = ?`,
    )
    .run(Buffer.from(hashToken(inserted), 'hex'), good.id);
  database.close();

  const { vault, problems } = await setup(t, { folder, now: () => clock.now });
  t.equal(vault.verifyToken(raised.token, null).refusal, 'unknown');
  t.equal(vault.verifyToken(inserted, null).refusal, 'unknown');
  t.equal(vault.verifyToken(good.token, null).refusal, null);
  t.same(problems, Array(2).fill('the stored row of a token was altered: the token is refused'));
  t.equal((await vault.listTokens(admin, 10, null)).tokens.length, 1);
});

t.test('the bootstrap opens once, and altered rows do not open it again', async t => {
  const first = await setup(t);
  const { folder, bootstrapFile, clock } = first;
  t.equal(await first.vault.bootstrap.open(), 'made');
  const token = readFileSync(bootstrapFile, 'utf8').trimEnd();
  const bootstrap = callerOf(first.vault, token);
  await t.rejects(first.vault.create(bootstrap, 'a', { value: 'v' }), { code: 'not_authorized' });
  await t.rejects(first.vault.list(bootstrap, '', 1, null), { code: 'not_authorized' });
  await first.vault.createToken(bootstrap, web);
  t.equal(first.vault.verifyToken(token, null).refusal, null, 'web may not administer tokens');
  await first.close();

  const again = await setup(t, { folder, now: () => clock.now });
  t.equal(await again.vault.bootstrap.open(), 'waiting');
  clock.now += day;
  t.equal(again.vault.verifyToken(token, null).refusal, 'expired');
  t.equal(await again.vault.bootstrap.open(), 'closed');
  t.notOk(existsSync(bootstrapFile), 'an ended one is tidied away');
  await again.close();

  const database = new DatabaseSync(join(folder, 'data/vault.db'));
  database.exec("UPDATE tokens SET description = 'x'");
  database.close();
  const altered = await setup(t, { folder, now: () => clock.now });
  t.equal(await altered.vault.bootstrap.open(), 'closed');
  t.notOk(existsSync(bootstrapFile));
});

t.test('a bootstrap token is spent by the first that may administer tokens, and one of two wins', async t => {
  const { vault, bootstrapFile, records } = await setup(t);
  await vault.bootstrap.open();
  const caller = callerOf(vault, readFileSync(bootstrapFile, 'utf8').trimEnd());
  const made = await Promise.allSettled(
    [1, 2].map(() => vault.createToken(caller, { ...web, client: 'team' })),
  );
  t.same(
    made.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  t.notOk(existsSync(bootstrapFile));
  const changes = records().filter(({ event }) => event === 'outcome');
  t.same(
    changes.map(({ resource, detail }) => `${detail?.['change']} ${resource}`),
    ['create tokens/bootstrap', 'create tokens/team', 'revoke tokens/bootstrap'],
  );
});

t.test('a file that a crash left before its token was good is replaced', async t => {
  const { vault, bootstrapFile } = await setup(t);
  const left = newToken();
  writeFileSync(bootstrapFile, `${left}\n`);
  t.equal(await vault.bootstrap.open(), 'made');
  const token = readFileSync(bootstrapFile, 'utf8').trimEnd();
  t.not(token, left);
  t.equal(vault.verifyToken(token, null).refusal, null);
});

t.test('a bootstrap file that is none is left alone', async t => {
  const { vault, bootstrapFile } = await setup(t);
  writeFileSync(bootstrapFile, 'my notes\n');
  await t.rejects(vault.bootstrap.open(), {
    name: 'StartError',
    message: /bootstrap\.token, which holds something else than a token; move it away/,
  });
  t.equal(readFileSync(bootstrapFile, 'utf8'), 'my notes\n');
  t.same((await vault.listTokens(admin, 10, null)).tokens, [], 'and no token was made');
});

t.test('requests that cannot be are refused before anything is decided', async t => {
  const { vault, records } = await setup(t);
  const before = records().length;
  const wrong = [
    { client: 'bootstrap' },
    { client: 'a b' },
    { client: '' },
    { description: '\ud800' },
    { description: 'x'.repeat(257) },
    { sourceNetworks: ['10.0.0.0/99'] },
    { sourceNetworks: Array<string>(33).fill('::1') },
  ];
  for (const fields of wrong) {
    await t.rejects(vault.createToken(admin, { ...web, ...fields }), { code: 'bad_request' });
  }
  t.equal(records().length, before);
  await t.rejects(vault.createToken(admin, { ...web, client: 'stranger' }), {
    code: 'conflict',
    message: 'The policy does not know "stranger"; add the client to it first.',
  });
  t.match(records().at(-1), { event: 'failure', resource: 'tokens/stranger', outcome: 'conflict' });
});

t.test('a full index makes room by dropping the oldest that ended, or takes no more', async t => {
  const row = (id: string, fields: Partial<StoredToken>): StoredToken => ({
    id,
    hash: Buffer.from(id),
    client: 'web',
    description: '',
    createdAt: 0,
    expiresAt: 100,
    sourceNetworks: [],
    lastUsedAt: null,
    revokedAt: null,
    intentSeq: 1,
    mac: Buffer.alloc(0),
    ...fields,
  });
  const rows = [row('good', {}), row('revoked', { revokedAt: 5 }), row('expired', { expiresAt: 9 })];
  const index = new TokenIndex(rows, () => certain(10), new Trust());
  t.same(index.makeRoom(4), []);
  t.same(index.makeRoom(3), ['revoked']);
  t.same(index.makeRoom(2), ['revoked', 'expired']);
  t.throws(() => index.makeRoom(1), { code: 'conflict', message: /revoke some/ });
  t.same(
    index.endedBeyond(0),
    ['revoked', 'expired'],
    'a bootstrap token takes what room there is, and goes beyond',
  );
  index.drop('revoked');
  t.equal(index.byId('revoked'), undefined);
  t.equal(index.byHash(Buffer.from('revoked').toString('hex')), undefined);
});

function storedUse(folder: string): unknown {
  const database = new DatabaseSync(join(folder, 'data/vault.db'), { readOnly: true });
  const row = database.prepare('SELECT last_used_at FROM tokens').get();
  database.close();
  return row?.['last_used_at'];
}
