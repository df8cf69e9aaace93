/** The fifteen where something is wrong: with a row, with the process before, with the audit folder. */
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { install, startService } from '../helpers/service.ts';
import { incrementsOf, refused } from './contract.ts';

const isRoot = process.getuid?.() === 0;
const user = 65_534;

/** With segments that are soon full. Each test goes on from the one before it. */
const folder = t.testdir();
const installed = await install(folder, { JARVIS_SECRETSD_AUDIT_SEGMENT_BYTES: '4096' });
if (isRoot) chownSync(folder, user, user);
const installation = isRoot ? { ...installed, user } : installed;
let service = await startService(installation);
for (const name of ['a', 'b', 'c']) await service.request('POST', '/secret', { name, value: 'v' });
await service.request('DELETE', '/secret/b');

t.test('a tampered row is an attempt to decrypt that failed', async t => {
  tamper(join(folder, 'data/vault.db'), 'a');
  const increments = await incrementsOf(service, async () => {
    const answer = await service.request('GET', '/secret/a');
    t.equal(answer.status, 500);
    t.has(await answer.json(), { error: 'internal' });
  });
  const failed = { ...refused, rbac_allowed_total: 1, audit_events_total: 1 };
  t.same(increments, { ...failed, decryption_ops_total: 1, decryption_errors_total: 1 });

  // The service looks for what others have written; from then on the row is refused before it is looked at.
  while ((await service.scrape()).get('vault_problems') === 0) await setTimeout(50);
  const again = await incrementsOf(service, async () => {
    t.equal((await service.request('GET', '/secret/a')).status, 500);
  });
  t.match(again, { decryption_ops_total: 1, decryption_errors_total: 1 }, 'and stays one');
});

t.test('after a kill the gauge is right at once and the counters begin anew', async t => {
  await service.stop('SIGKILL');
  service = await startService(installation);
  const samples = await service.scrape();
  t.equal(samples.get('secrets_total'), 2);
  t.equal(samples.get('http_requests_total'), 1);
  t.equal(samples.get('secrets_created_total'), 0);
  t.equal(samples.get('last_exit_reason{reason="killed"}'), 1);
});

t.test('an audit folder that cannot be written refuses and counts, and the service recovers', async t => {
  const audit = join(folder, 'data/audit');
  chmodSync(audit, 0o500);

  // The segment that is open still takes records; the next one cannot be made.
  let status = 200;
  for (let reads = 0; status === 200 && reads < 50; reads++)
    status = (await service.request('GET', '/secret/c')).status;
  t.equal(status, 503);
  const unwritable = await incrementsOf(service, async () => {
    const answer = await service.request('GET', '/secret/c');
    t.equal(answer.status, 503);
    t.has(await answer.json(), { error: 'unavailable' });
  });
  t.same(unwritable, { ...refused, rbac_allowed_total: 1, decryption_ops_total: 1, audit_errors_total: 1 });
  const created = await incrementsOf(service, async () => {
    t.equal((await service.request('POST', '/secret', { name: 'd', value: 'v' })).status, 503);
  });
  t.same(created, { ...refused, rbac_allowed_total: 1, encryption_ops_total: 1, audit_errors_total: 1 });
  t.equal((await service.scrape()).get('audit_latched'), 1);
  t.equal((await service.request('GET', '/readyz')).status, 503);

  chmodSync(audit, 0o700);
  for (let probes = 0; (await service.request('GET', '/readyz')).status !== 200; probes++) {
    if (probes > 100) throw new Error('the audit log did not recover');
    // The log tries again four times a second, when it is asked.
    await setTimeout(50);
  }
  t.equal((await service.request('GET', '/secret/c')).status, 200);
  t.equal((await service.request('GET', '/secret/d')).status, 404, 'what was refused was not done');
});

// No teardown: see test/together.ts.
t.test('the service stops', async t => {
  t.equal(await service.stop(), 0);
});

function tamper(vault: string, name: string): void {
  const database = new DatabaseSync(vault, { timeout: 5000 });
  const { version, sealed } = database
    .prepare('SELECT version, sealed FROM versions WHERE name = ? ORDER BY version DESC LIMIT 1')
    .get(name) as { version: number; sealed: Uint8Array };
  sealed[20] = (sealed[20] ?? 0) ^ 1;
  database
    .prepare('UPDATE versions SET sealed = ? WHERE name = ? AND version = ?')
    .run(sealed, name, version);
  database.close();
}
