import type { Telemetry } from '../telemetry/sdk.ts';
import { buildApp } from './app.ts';
import { type AuditLog, openAuditLog } from './audit/log.ts';
import { auditEntry } from './audit/record.ts';
import { RefusalSummary } from './audit/refusals.ts';
import { isLocal, parseBindAddress } from './config/bind-address.ts';
import { requireUsableIdentity } from './config/identity.ts';
import type { Config } from './config/schema.ts';
import { DiskFree } from './disk-free.ts';
import type { Api } from './http/api.ts';
import { drain } from './http/drain.ts';
import { tryToListen } from './listening.ts';
import type { Logger } from './logging.ts';
import { PolicyInForce } from './policy/policy-in-force.ts';
import { systemClock } from './rotation/clock.ts';
import { defaultGenerator, parseGenerator } from './rotation/generator-spec.ts';
import { generate } from './rotation/generators.ts';
import { startScheduler } from './rotation/scheduler.ts';
import { type OpenedVault, openVault } from './vault/opening.ts';
import { completeIntents } from './vault/recovery.ts';
import { createVault } from './vault/vault.ts';

const day = 86_400_000;
const schedulerInterval = 15_000;
/** Within the 10 s in which the process must have ended. */
const drainDeadline = 7000;

export interface ServiceOptions {
  readonly config: Config;
  readonly version: string;
  readonly logger: Logger;
  readonly telemetry: Pick<Telemetry, 'metrics' | 'exposition'>;
  /** How the process before this one ended; null where unknown. */
  readonly lastExitReason: string | null;
  /** Writes can no longer be trusted: the process must end. */
  readonly onFatal: (error: Error) => void;
}

export interface Service {
  readonly app: Api;
  readonly isNew: boolean;
  /** SHA-256 of the key that signs the audit log. */
  readonly fingerprint: string;
  readonly secretsCount: number;
  /** Rejects, and keeps the old policy, when the file cannot be used or the change cannot be recorded. */
  reloadPolicy(): Promise<void>;
  /** Requests in flight are finished, the audit log is signed and closed, the vault let go. */
  stop(): Promise<void>;
}

/**
 * Opens vault, policy and audit log and builds the app on them; the caller listens.
 * @throws StartError
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { config, logger, telemetry } = options;
  const { metrics } = telemetry;
  const address = parseBindAddress(config.server.bind_addr, 'server.bind_addr');
  requireUsableIdentity(config);
  const policy = new PolicyInForce(config.security.rbac_policy_path, Date.now());
  await tryToListen(address);
  const opened = await openVault({
    paths: config.paths,
    mayCreate: (config.server.init ?? (isLocal(address) ? 'auto' : 'require')) === 'auto',
    onFatal: options.onFatal,
    metrics,
  });
  const audit = await openAudit(options, opened);
  const completed = await completeIntents(audit, opened.store);
  if (completed > 0) logger.warn({ completed }, 'completed the audit of changes that a crash interrupted');

  const defaults = { every: config.security.rotation_days * day, grace: config.security.grace_days * day };
  const vault = createVault({
    store: opened.store,
    keyring: opened.keyring,
    audit,
    policy: () => policy.policy,
    metrics,
    now: Date.now,
    defaults,
    generate: spec => generate(spec === null ? defaultGenerator : parseGenerator(spec)),
    log: logger,
  });
  const refusals = new RefusalSummary(audit);
  const app = await buildApp({
    vault,
    metrics,
    refusals,
    logger,
    expectedHosts: expectedHosts(config),
    defaultGrace: defaults.grace,
    exposition: config.telemetry.prometheus.bind_addr === undefined ? telemetry.exposition : null,
    health: {
      version: options.version,
      uptime: () => performance.now() / 1000,
      secretsCount: vault.count,
      checks: [
        { name: 'store', check: () => opened.store.check() },
        { name: 'keys', check: async () => void opened.keyring.dataKey(opened.keyring.currentKid) },
        { name: 'audit', check: () => audit.probe() },
      ],
    },
  });
  const scheduler = startScheduler({
    vault: vault.upkeep,
    clock: systemClock,
    log: logger,
    intervalMs: schedulerInterval,
  });
  const disks = new DiskFree(config);
  metrics.observe({
    secretsTotal: vault.count,
    auditLatched: () => !audit.writable,
    rotationsOverdue: () => vault.upkeep.statistics.overdueRotations,
    oldestSecretAgeSeconds: () => ageSeconds(vault.upkeep.statistics.oldestVersionAt),
    schedulerLastSuccess: () => seconds(scheduler.lastSuccess()),
    policyReloadSucceeded: () => policy.lastReloadSucceeded,
    policyLastReload: () => seconds(policy.loadedAt),
    diskFree: () => disks.read(),
    lastExitReason: () => options.lastExitReason,
  });

  return {
    app,
    isNew: opened.isNew,
    fingerprint: opened.keyring.fingerprint,
    secretsCount: vault.count(),
    reloadPolicy: () => policy.reload(Date.now(), sha256 => recordReload(audit, sha256)),
    async stop() {
      await drain(app.server, drainDeadline);
      await app.close();
      await scheduler.stop();
      refusals.close();
      await audit.close();
      await opened.close();
    },
  };
}

async function openAudit({ config, telemetry }: ServiceOptions, opened: OpenedVault): Promise<AuditLog> {
  const { keyring, store } = opened;
  try {
    return await openAuditLog({
      folder: config.paths.audit_path,
      vaultId: keyring.vaultId,
      sign: data => keyring.sign(data),
      publicKey: keyring.publicKey,
      registry: store,
      sync: config.audit.sync,
      segmentBytes: config.audit.segment_bytes,
      clock: Date.now,
      metrics: telemetry.metrics,
    });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function expectedHosts({ server }: Config): string[] {
  const address = parseBindAddress(server.bind_addr, 'server.bind_addr');
  return [...server.allowed_hosts, ...(address.kind === 'tcp' ? [address.host] : [])];
}

async function recordReload(audit: AuditLog, sha256: string): Promise<void> {
  const entry = auditEntry({
    event: 'policy_reload',
    identity_method: 'system',
    action: 'admin',
    resource: 'policy',
    outcome: 'ok',
    detail: { sha256 },
  });
  await audit.append([entry]).durable;
}

function seconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : milliseconds / 1000;
}

function ageSeconds(time: number | null): number | null {
  return time === null ? null : Math.max(0, (Date.now() - time) / 1000);
}
