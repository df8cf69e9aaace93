/**
 * Fills a new vault: `bin/pinned-node bench/seed.ts FOLDER COUNT`, where the folder holds config.toml and policy.yaml. The rows are
 * the vault's own, sealed and signed; they go to the store in large commits, each announced in the audit log by one
 * intent, so that the log verifies as a whole.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { argv, stderr } from 'node:process';
import { type AuditEntry, auditEntry } from '../src/audit/record.ts';
import { certain } from '../src/clock/trusted-clock.ts';
import { loadConfig } from '../src/config/load.ts';
import { loadPolicy } from '../src/policy/policy-file.ts';
import type { Change } from '../src/store/store.ts';
import { Rows } from '../src/vault/rows.ts';
import { Trust } from '../src/vault/trust.ts';
import { addVersion } from '../src/vault/versions.ts';
import { openWorkingVault, type WorkingVault } from '../src/working-vault.ts';
import { noMetrics } from '../telemetry/instruments.ts';
import { secretName } from './names.ts';

const secretsPerCommit = 5000;
const day = 86_400_000;
const value = 'v'.repeat(32);

async function main(folder: string, count: number): Promise<void> {
  const config = loadConfig(join(folder, 'config.toml'), {});
  const { policy } = loadPolicy(config.security.rbac_policy_path);
  const complain = (facts: object, message: string) => stderr.write(`${message} ${JSON.stringify(facts)}\n`);
  const working = await openWorkingVault({
    config,
    mayCreate: true,
    policy: () => policy,
    metrics: noMetrics(),
    log: { warn: complain, error: complain },
    onFatal: error => {
      throw error;
    },
  });
  await seed(working, count);
  await working.close();
}

/** While the writer's thread inserts one batch, this one seals the next. */
async function seed({ opened, audit }: WorkingVault, count: number): Promise<void> {
  const rows = new Rows(opened.keyring, noMetrics(), new Trust());
  let inserting: Promise<void> = Promise.resolve();
  for (let from = 0; from < count; from += secretsPerCommit) {
    const opId = randomUUID();
    const size = Math.min(secretsPerCommit, count - from);
    const intent = audit.append([batchRecord('intent', opId, size)]);
    const secrets = Array.from({ length: size }, (_, index) =>
      newSecret(rows, secretName(from + index), intent.seq),
    );
    await Promise.all([intent.durable, inserting]);
    inserting = opened.store
      .commit(secrets, { opId, intentSeq: intent.seq, intentHash: intent.hash })
      .then(async () => void (await audit.append([batchRecord('outcome', opId, size)]).durable));
  }
  await inserting;
}

function batchRecord(event: 'intent' | 'outcome', opId: string, count: number): AuditEntry {
  return auditEntry({
    event,
    identity_method: 'system',
    action: 'create',
    decision: 'allow',
    op_id: opId,
    detail: { count },
    ...(event === 'outcome' ? { outcome: 'ok' } : {}),
  });
}

function newSecret(rows: Rows, name: string, intentSeq: number): Change {
  const sealed = rows.sealValue(name, 1, value);
  const added = { ...sealed, generated: false, activate: true };
  const periods = { every: 90 * day, grace: 14 * day };
  return rows.sign(addVersion(null, null, name, added, certain(Date.now()), periods), intentSeq);
}

await main(argv[2] ?? '', Number(argv[3]));
