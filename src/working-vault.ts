import type { Metrics } from '../telemetry/instruments.ts';
import { type AuditLog, openAuditLog } from './audit/log.ts';
import { readRecordedTime } from './clock/clock-record.ts';
import { systemTime, type TimeSource } from './clock/time-source.ts';
import { TrustedClock } from './clock/trusted-clock.ts';
import type { Config } from './config/schema.ts';
import { asStartError } from './errors.ts';
import type { Policy } from './policy/policy.ts';
import { defaultGenerator, parseGenerator } from './rotation/generator-spec.ts';
import { generate } from './rotation/generators.ts';
import { KeyMaker } from './rotation/key-maker.ts';
import { throwIfStopped } from './signals.ts';
import { IntegrityWatch } from './vault/integrity-watch.ts';
import { isVaultInUse, type OpenedVault, openVault } from './vault/opening.ts';
import { completeIntents } from './vault/recovery.ts';
import { Trust } from './vault/trust.ts';
import { createVault, type Vault } from './vault/vault.ts';

export { isVaultInUse };

const day = 86_400_000;

export interface WorkingVaultOptions {
  readonly config: Config;
  /** Whether a vault may be made where there is none of it. */
  readonly mayCreate: boolean;
  readonly policy: () => Policy;
  /** How long another process may take to let the vault go, in milliseconds; none unless given. */
  readonly lockPatienceMs?: number;
  readonly metrics: Metrics;
  readonly log: Record<'warn' | 'error', (facts: object, message: string) => void>;
  /** The machine's clocks unless given. */
  readonly time?: TimeSource | undefined;
  /** Free bytes of the disk that has the fewest; null while that is not known. */
  readonly freeDiskBytes?: () => number | null;
  /** Aborted when the start is to end; the reason is thrown. */
  readonly stopRequested?: AbortSignal | undefined;
  /** Writes can no longer be trusted: the process must end. */
  readonly onFatal: (error: Error) => void;
}

/** A vault with its audit log, in this process alone: what the service and the offline commands that change it use. */
export interface WorkingVault {
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly opened: OpenedVault;
  /** Compared with what the vault and the audit log say of the time. */
  readonly clock: TrustedClock;
  readonly integrity: IntegrityWatch;
  /** The audit log is signed and closed, the vault let go. */
  close(): Promise<void>;
}

/** @throws StartError, or the reason of `stopRequested`; nothing is left open */
export async function openWorkingVault(options: WorkingVaultOptions): Promise<WorkingVault> {
  const { config, log, metrics, policy, stopRequested } = options;
  const { paths, security } = config;
  const clock = new TrustedClock(options.time ?? systemTime);
  const opened = await openVault({ ...options, paths, cacheBytes: config.limits.cache_bytes });
  try {
    const recorded = await readRecordedTime(opened.store);
    if (recorded !== null) clock.expectAfter(recorded.seenAt);
    // The log may be long.
    await throwIfStopped(stopRequested);
    const audit = await openAudit(options, opened, clock);
    const { lastRecordAt } = audit;
    const isNewer = lastRecordAt !== null && lastRecordAt > (recorded?.seenAt ?? 0);
    if (isNewer && recorded?.inDoubt !== true) clock.expectAfter(lastRecordAt);
    await throwIfStopped(stopRequested);
    await announceSeal(audit, opened);
    const completed = await completeIntents(audit, opened.store);
    if (completed > 0) log.warn({ completed }, 'completed the audit of changes that a crash interrupted');
    const keys = new KeyMaker();
    const trust = new Trust();
    const vault = createVault({
      store: opened.store,
      keyring: opened.keyring,
      audit,
      policy,
      metrics,
      now: () => clock.now(),
      moment: () => clock.moment(),
      defaults: { every: security.rotation_days * day, grace: security.grace_days * day },
      generate: (spec, order) =>
        generate(spec === null ? defaultGenerator : parseGenerator(spec), keys, order),
      log,
      bootstrapTokenPath: paths.bootstrap_token_path,
      quotas: config.quotas,
      diskReserve: {
        freeBytes: options.freeDiskBytes ?? (() => null),
        bytes: config.limits.disk_reserve_bytes,
      },
      hadToken: opened.seal.hadToken,
      trust,
    });
    const { keyring, store } = opened;
    const path = paths.vault_path;
    const integrity = new IntegrityWatch({ path, store, keyring, trust, log, metrics, now: Date.now });
    return {
      vault,
      audit,
      opened,
      clock,
      integrity,
      async close() {
        await keys.close();
        vault.close();
        await integrity.stop();
        try {
          await audit.close();
        } finally {
          await opened.close();
        }
      },
    };
  } catch (error) {
    await opened.close();
    throw stopRequested?.aborted === true ? stopRequested.reason : asStartError(error);
  }
}

/** From then on the log shows that the vault is sealed, should its seal be taken away. */
async function announceSeal(audit: AuditLog, { seal, store }: OpenedVault): Promise<void> {
  if (seal.announced) return;
  await audit.sign();
  await store.announceSeal();
}

async function openAudit(
  { config, metrics, log }: WorkingVaultOptions,
  { keyring, store }: OpenedVault,
  clock: TrustedClock,
): Promise<AuditLog> {
  return await openAuditLog({
    folder: config.paths.audit_path,
    vaultId: keyring.vaultId,
    sign: data => keyring.sign(data),
    prove: data => keyring.prove(data),
    report: message => log.error({}, message),
    publicKey: keyring.publicKey,
    registry: store,
    sync: config.audit.sync,
    segmentBytes: config.audit.segment_bytes,
    clock: () => clock.now(),
    metrics,
  });
}
