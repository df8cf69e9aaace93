import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openAuditLog } from '../src/audit/log.ts';
import { parsePolicy } from '../src/policy/policy.ts';
import type { Clock, Timer } from '../src/rotation/clock.ts';
import { defaultGenerator, parseGenerator } from '../src/rotation/generator-spec.ts';
import { generate } from '../src/rotation/generators.ts';
import { KeyMaker } from '../src/rotation/key-maker.ts';
import { parseRotation } from '../src/rotation/rule.ts';
import { startScheduler } from '../src/rotation/scheduler.ts';
import { lastingCredential } from '../src/vault/caller.ts';
import { openVault } from '../src/vault/opening.ts';
import { Trust } from '../src/vault/trust.ts';
import { type Caller, createVault } from '../src/vault/vault.ts';
import { noMetrics } from '../telemetry/instruments.ts';
import { noSpan, noTracing } from '../telemetry/tracing.ts';

// Of the whole file: a test's own folder is gone before its teardown closes the audit log.
const folders = t.testdir();
const keys = new KeyMaker();
t.teardown(() => keys.close());

const second = 1000;
const minute = 60 * second;
const start = Date.UTC(2026, 0, 1);
const admin: Caller = {
  client: 'admin',
  identityMethod: 'header',
  credentialId: null,
  credential: lastingCredential,
  remoteAddr: null,
  requestId: null,
  traceId: null,
  span: noSpan,
};

/** Time that passes when told to, round by round: a round ends by asking for the next. */
class HandClock implements Clock {
  #now = start;
  #next: { readonly at: number; readonly callback: () => void } | null = null;
  #asked = Promise.withResolvers<void>();

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delay: number): Timer {
    this.#next = { at: this.#now + delay, callback };
    this.#asked.resolve();
    return {
      cancel: () => {
        this.#next = null;
      },
    };
  }

  /** Resolves when the rounds of that time are over. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    while (this.#next !== null && this.#next.at <= end) {
      const { at, callback } = this.#next;
      this.#now = at;
      this.#asked = Promise.withResolvers();
      callback();
      await this.#asked.promise;
    }
    this.#now = end;
  }
}

interface AuditLine {
  readonly event: string;
  readonly client: string | null;
  readonly resource: string | null;
  readonly version: number | null;
  readonly outcome: string | null;
  readonly op_id: string | null;
}

/** Vault, audit log and scheduler as the service wires them, on files, with time in our hands. */
async function setup(t: Test) {
  const folder = mkdtempSync(join(folders, 'vault-'));
  const clock = new HandClock();
  const counted = { rotated: 0, encrypted: 0, records: 0 };
  const metrics = {
    ...noMetrics(),
    secretRotated: () => void counted.rotated++,
    valueEncrypted: () => void counted.encrypted++,
    auditRecordsWritten: (count: number) => {
      counted.records += count;
    },
  };
  const paths = {
    vault_path: join(folder, 'data/vault.db'),
    audit_path: join(folder, 'data/audit'),
    master_key_path: join(folder, 'keys/master.key'),
  };
  const onFatal = (error: Error) => t.fail(error.message);
  const { store, keyring, close } = await openVault({ paths, mayCreate: true, onFatal, metrics });
  const audit = await openAuditLog({
    folder: paths.audit_path,
    vaultId: keyring.vaultId,
    sign: data => keyring.sign(data),
    prove: data => keyring.prove(data),
    report: () => undefined,
    publicKey: keyring.publicKey,
    registry: store,
    sync: 'always',
    segmentBytes: 1 << 20,
    clock: () => clock.now(),
    metrics,
  });
  const problems: string[] = [];
  const log = {
    warn: (_facts: object, message: string) => void problems.push(message),
    error: (_facts: object, message: string) => void problems.push(message),
  };
  const policy = parsePolicy('clients: {admin: {allow: ["*"]}}');
  const vault = createVault({
    store,
    keyring,
    audit,
    policy: () => policy,
    metrics,
    now: () => clock.now(),
    defaults: { every: 30 * second, grace: 0 },
    generate: (spec, order) => generate(spec === null ? defaultGenerator : parseGenerator(spec), keys, order),
    log,
    bootstrapTokenPath: join(folder, 'keys/bootstrap.token'),
    hadToken: false,
    trust: new Trust(),
  });
  const scheduler = startScheduler({
    vault: vault.upkeep,
    clock,
    log,
    tracing: noTracing,
    intervalMs: 15 * second,
    rotationTurnMs: minute,
  });
  t.teardown(async () => {
    await scheduler.stop();
    await audit.close();
    await close();
  });
  return {
    clock,
    counted,
    problems,
    scheduler,
    store,
    vault,
    create: (name: string, rule: { every: string; grace: string; generator?: string } | null) =>
      vault.create(admin, name, { value: `supplied ${name}`, rotation: parseRotation(rule, 0) }),
    read: async (name: string, version: number | null = null) =>
      (await vault.read(admin, name, version, () => false)).value,
    versions: async (name: string) =>
      (await vault.versions(admin, name, 100, null)).versions.map(
        ({ version, state }) => `${version} ${state}`,
      ),
    records: () =>
      readdirSync(paths.audit_path)
        .toSorted()
        .flatMap(file => readFileSync(join(paths.audit_path, file), 'utf8').trimEnd().split('\n'))
        .map(line => JSON.parse(line) as AuditLine)
        .filter(({ event }) => event !== 'proof'),
  };
}

t.test('a secret rotates by the clock, and its versions go when their grace is over', async t => {
  const { clock, create, read, versions, vault, store, problems, scheduler } = await setup(t);
  await create('app/key', { every: '1m', grace: '90s', generator: 'uuid' });
  await clock.pass(minute - 1);
  t.same(await versions('app/key'), ['1 active'], 'not before it is due');
  await clock.pass(1);
  t.same(await versions('app/key'), ['1 superseded', '2 active']);
  const generated = await read('app/key');
  t.match(generated, /^[0-9a-f]{8}-/, 'by the generator of the secret');

  await clock.pass(minute);
  t.same(await versions('app/key'), ['1 superseded', '2 superseded', '3 active']);
  t.equal(await read('app/key', 2), generated, 'readable in its grace');
  t.not(await read('app/key'), generated);

  await clock.pass(90 * second - 1);
  t.equal(await read('app/key', 2), generated, 'to the last millisecond');
  await clock.pass(1);
  await t.rejects(read('app/key', 2), { code: 'not_found' });
  t.same(await versions('app/key'), ['1 superseded', '2 destroyed', '3 superseded', '4 active']);
  t.equal((await store.version('app/key', 2))?.sealed, null, 'not only hidden: the sealed value is gone');

  await clock.pass(60 * minute);
  t.equal(await read('app/key', 1), 'supplied app/key', 'what a person supplied stays');
  t.equal((await vault.read(admin, 'app/key', null, () => false)).version, 64, 'once a minute');
  t.same(problems, []);
  t.equal(scheduler.lastSuccess(), clock.now());
});

t.test('what carries no rule, or is deleted, the clock leaves alone', async t => {
  const { clock, counted, create, read, versions, vault, records } = await setup(t);
  await create('plain', null);
  await create('deleted', { every: '1m', grace: '0s' });
  await vault.delete(admin, 'deleted');
  const before = { ...counted };
  await clock.pass(10 * minute);
  await vault.upkeep.rotateDue('plain', noSpan);
  t.same(counted, before, 'nothing is encrypted or written');
  t.same(await versions('plain'), ['1 active'], 'though expires_at is long past');
  t.equal(await read('plain'), 'supplied plain');
  t.same(
    records().filter(({ client }) => client === 'scheduler'),
    [],
  );
  await vault.undelete(admin, 'deleted');
  await clock.pass(minute);
  t.same(await versions('deleted'), ['1 superseded', '2 active'], 'its turn comes when it is back');
});

t.test('every rotation and destruction is an intent and an outcome, and counts', async t => {
  const { clock, counted, create, records } = await setup(t);
  await create('a', { every: '1m', grace: '15s' });
  const before = { ...counted, lines: records().length };
  await clock.pass(2 * minute + 15 * second);
  const written = records();
  const scheduled = written.filter(({ client }) => client === 'scheduler');
  t.same(
    scheduled.map(({ event, resource, version, outcome }) => [event, resource, version, outcome]),
    [
      ['intent', 'a', 2, null],
      ['outcome', 'a', 2, 'ok'],
      ['intent', 'a', 3, null],
      ['outcome', 'a', 3, 'ok'],
      ['intent', 'a', 2, null],
      ['outcome', 'a', 2, 'ok'],
    ],
    'rotated to 2 and 3, then 2 destroyed',
  );
  const operations = [...new Set(scheduled.map(({ op_id }) => op_id ?? ''))];
  t.equal(operations.length, 3, 'intent and outcome share an id');
  for (const id of operations)
    t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.same(operations, operations.toSorted(), 'ids that begin with the time');
  t.equal(counted.rotated - before.rotated, 2);
  t.equal(counted.encrypted - before.encrypted, 2);
  t.equal(
    counted.records - before.records,
    written.length - before.lines,
    'records as lines, checkpoints too',
  );
});
