import type { Telemetry } from '../telemetry/sdk.ts';
import { buildApp } from './app.ts';
import type { AuditLog } from './audit/log.ts';
import { auditEntry } from './audit/record.ts';
import { RefusalSummary } from './audit/refusals.ts';
import { ConfirmationFile } from './clock/confirmation.ts';
import { systemTime, type TimeSource } from './clock/time-source.ts';
import { ClockWatch } from './clock-watch.ts';
import { isLocal, parseBindAddress } from './config/bind-address.ts';
import { requireUsableIdentity } from './config/identity.ts';
import { type Limits, limitsOf } from './config/limits.ts';
import type { Config } from './config/schema.ts';
import { requireProtectedTransport, tlsFiles } from './config/transport.ts';
import { fitConnections, openFileLimit } from './descriptors.ts';
import { DiskFree } from './disk-free.ts';
import { asStartError, errorMessage } from './errors.ts';
import type { SocketName } from './handover/inherited-sockets.ts';
import type { Api } from './http/api.ts';
import { Drain } from './http/drain.ts';
import { tryToListen } from './listening.ts';
import type { Logger } from './logging.ts';
import { PolicyInForce } from './policy/policy-in-force.ts';
import { systemClock } from './rotation/clock.ts';
import { Repeated } from './rotation/repeated.ts';
import { startScheduler } from './rotation/scheduler.ts';
import { throwIfStopped } from './signals.ts';
import { socketAccess } from './socket-access.ts';
import { CertificatesInForce } from './tls/certificates-in-force.ts';
import type { Vault } from './vault/vault.ts';
import { VaultFileSizes } from './vault-file-sizes.ts';
import { openWorkingVault, type WorkingVault } from './working-vault.ts';

const day = 86_400_000;
const schedulerInterval = 15_000;
const rotationTurn = 5000;
/** Within the 10 s in which the process must have ended. */
export const drainDeadlineMs = 7000;

export interface ServiceOptions {
  readonly config: Config;
  readonly version: string;
  readonly logger: Logger;
  readonly telemetry: Pick<Telemetry, 'metrics' | 'exposition' | 'tracing'>;
  /** The machine's clocks unless given. */
  readonly time?: TimeSource;
  /** Throws a StartError where others could have written what the service reads; asked again at each reload. */
  readonly requireClosedFiles: () => void;
  /** How the process before this one ended; null where unknown. */
  readonly lastExitReason: string | null;
  /** Aborted when the start is to end; the reason is thrown. */
  readonly stopRequested?: AbortSignal;
  /** Sockets that listen already, by the name of their listener. */
  readonly handles?: ReadonlyMap<SocketName, object>;
  /** The one that was stopped in this process: its policy and certificates stay, whatever their files hold now. */
  readonly previous?: Service;
  /** How long another process may take to let the vault go, in milliseconds. */
  readonly lockPatienceMs?: number;
  /** Writes can no longer be trusted: the process must end. */
  readonly onFatal: (error: Error) => void;
}

export interface Service {
  readonly app: Api;
  readonly policy: PolicyInForce;
  /** Null over plain HTTP. */
  readonly certificates: CertificatesInForce | null;
  readonly isNew: boolean;
  /** SHA-256 of the key that signs the audit log. */
  readonly fingerprint: string;
  readonly secretsCount: number;
  /** Counts the openings of the vault for writing. */
  readonly writerEpoch: number | null;
  /** Rejects, and keeps the old policy, when the file cannot be used or the change cannot be recorded. */
  reloadPolicy(): Promise<void>;
  /** Takes over the certificate that the files hold now; one that cannot be served is logged, and the old one stays. */
  reloadCertificates(): void;
  /** Ends the connections that are open now while new ones are served. */
  windDown(): Promise<void>;
  /** Requests in flight are finished, the audit log is signed and closed, the vault let go. */
  stop(): Promise<void>;
}

/**
 * Opens vault, policy and audit log and builds the app on them; the caller listens.
 * @throws StartError, or the reason of `stopRequested`; nothing is left open
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const {
    config,
    logger,
    previous,
    telemetry,
    stopRequested,
    time = systemTime,
    requireClosedFiles,
  } = options;
  const { metrics, tracing } = telemetry;
  const address = parseBindAddress(config.server.bind_addr, 'server.bind_addr');
  requireUsableIdentity(config);
  requireProtectedTransport(config);
  const tls = tlsFiles(config);
  const certificates = previous?.certificates ?? (tls === null ? null : new CertificatesInForce(tls, logger));
  const limits = affordable(limitsOf(config), config, logger);
  const policy = previous?.policy ?? new PolicyInForce(config.security.rbac_policy_path, time.wall());
  if (options.handles?.has('api') !== true) await tryToListen(address, socketAccess(config));
  const { bind_addr } = config.telemetry.prometheus;
  if (bind_addr !== undefined && options.handles?.has('metrics') !== true) {
    await tryToListen(parseBindAddress(bind_addr, 'telemetry.prometheus.bind_addr'));
  }
  await throwIfStopped(stopRequested);
  const disks = new DiskFree(config);
  const working = await openWorkingVault({
    config,
    time,
    stopRequested,
    lockPatienceMs: options.lockPatienceMs ?? 0,
    mayCreate: (config.server.init ?? (isLocal(address) ? 'auto' : 'require')) === 'auto',
    policy: () => policy.policy,
    metrics,
    log: logger,
    onFatal: options.onFatal,
    freeDiskBytes: () => disks.least,
  });
  const { vault, audit, clock, integrity, opened } = working;
  const clockWatch = new ClockWatch({
    clock,
    wall: () => time.wall(),
    store: opened.store,
    audit,
    confirmation: new ConfirmationFile(config.paths.vault_path),
    log: logger,
  });
  await clockWatch.start();
  if (config.security.identity === 'token') await openWayIn(working, config, logger);
  const refusals = new RefusalSummary(audit);
  const app = await buildApp({
    identity: config.security.identity,
    vault,
    metrics,
    tracing,
    refusals,
    logger,
    tls: certificates?.serverOptions ?? null,
    clientOfCertificate: (name, authorities) => policy.policy.clientOfCertificate(name, authorities),
    credentialTime: () => clock.moment().latest,
    expectedHosts: expectedHosts(config),
    limits,
    defaultGrace: config.security.grace_days * day,
    exposition: config.telemetry.prometheus.bind_addr === undefined ? telemetry.exposition : null,
    health: {
      version: options.version,
      uptime: () => performance.now() / 1000,
      secretsCount: vault.count,
      checks: [
        {
          name: 'store',
          check: async () => {
            integrity.requireAnything();
            await opened.store.check();
          },
        },
        { name: 'keys', check: async () => void opened.keyring.dataKey(opened.keyring.currentKid) },
        { name: 'audit', check: () => audit.probe() },
      ],
    },
  });
  const drain = new Drain(app.server);
  certificates?.follow(app.server);
  const scheduler = startScheduler({
    vault: vault.upkeep,
    clock: { ...systemClock, now: () => clock.now() },
    log: logger,
    tracing,
    intervalMs: schedulerInterval,
    rotationTurnMs: rotationTurn,
  });
  const statistics = new Repeated('refreshing statistics', () => vault.upkeep.refreshStatistics(), {
    clock: systemClock,
    intervalMs: schedulerInterval,
    log: logger,
  });
  integrity.start();
  const vaultFiles = new VaultFileSizes(config.paths.vault_path);
  metrics.observe({
    secretsTotal: vault.count,
    quotaShares: () => vault.quotaShares(),
    auditLatched: () => !audit.writable,
    diskShortage: () => vault.diskShortage(),
    vaultProblems: () => integrity.problems,
    vaultLastVerified: () => seconds(integrity.lastSuccess),
    rotationsOverdue: () => vault.upkeep.statistics.overdueRotations,
    oldestSecretAgeSeconds: () => ageSeconds(vault.upkeep.statistics.oldestVersionAt, clock.now()),
    schedulerLastSuccess: () => seconds(scheduler.lastSuccess()),
    policyReloadSucceeded: () => policy.lastReloadSucceeded,
    policyLastReload: () => seconds(policy.loadedAt),
    tlsReloadSucceeded: () => certificates?.lastReloadSucceeded ?? true,
    certificateExpiry: () => certificates?.expiries ?? [],
    clockInDoubt: () => clock.doubt !== null,
    clockOffsetSeconds: () => (clock.doubt?.offsetMs ?? 0) / 1000,
    diskFree: () => disks.read(),
    vaultFileSizes: () => vaultFiles.read(),
    lastExitReason: () => options.lastExitReason,
  });

  return {
    app,
    policy,
    certificates,
    isNew: opened.isNew,
    fingerprint: opened.keyring.fingerprint,
    secretsCount: vault.count(),
    writerEpoch: opened.store.writerEpoch,
    windDown: () => drain.windDown(drainDeadlineMs),
    reloadCertificates: () => certificates?.reload(),
    reloadPolicy: () => policy.reload(clock.now(), requireClosedFiles, sha256 => recordReload(audit, sha256)),
    async stop() {
      certificates?.stop();
      await drain.close(drainDeadlineMs);
      await app.close();
      await scheduler.stop();
      await statistics.stop();
      disks.stop();
      await recordLastTokenUses(vault, logger);
      refusals.close();
      await clockWatch.stop();
      await working.close();
    },
  };
}

/** Tells whoever runs the service where a vault without tokens has its first one. @throws StartError */
async function openWayIn(working: WorkingVault, config: Config, logger: Logger): Promise<void> {
  const file = config.paths.bootstrap_token_path;
  try {
    const found = await working.vault.bootstrap.open();
    if (found === 'made' || found === 'waiting') {
      logger.warn(
        { file },
        'the bootstrap token is in the file: for 24 hours it may manage tokens, and nothing else',
      );
    } else if (found === 'file missing') {
      logger.warn(
        { file },
        'the file of the bootstrap token is gone; jarvis-secretsd token bootstrap makes another',
      );
    }
  } catch (error) {
    await working.close();
    throw asStartError(error);
  }
}

/** Notes only: a stop goes on without them. */
async function recordLastTokenUses({ upkeep }: Vault, logger: Logger): Promise<void> {
  try {
    await upkeep.recordLastTokenUses();
  } catch (error) {
    logger.warn({ reason: errorMessage(error) }, 'when tokens were last used was not recorded');
  }
}

/** The limits, with as many connections as the process may have open. @throws StartError */
function affordable(limits: Limits, { telemetry: { prometheus } }: Config, logger: Logger): Limits {
  const scrapes = prometheus.bind_addr === undefined ? 0 : prometheus.max_connections;
  const openFiles = openFileLimit();
  const { api } = fitConnections({ api: limits.maxConnections, scrapes }, openFiles);
  if (api < limits.maxConnections) {
    logger.warn(
      { open_files: openFiles, max_connections: api },
      'the process may not open as many files as limits.max_connections asks for: the API takes fewer connections',
    );
  }
  return { ...limits, maxConnections: api };
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

function ageSeconds(time: number | null, now: number): number | null {
  return time === null ? null : Math.max(0, (now - time) / 1000);
}
