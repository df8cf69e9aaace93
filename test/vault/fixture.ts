import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAuditLog } from '../../src/audit/log.ts';
import type { Moment } from '../../src/clock/trusted-clock.ts';
import { parsePolicy } from '../../src/policy/policy.ts';
import type { Store } from '../../src/store/store.ts';
import { type Caller, lastingCredential } from '../../src/vault/caller.ts';
import type { DiskReserve } from '../../src/vault/disk-shares.ts';
import { openVault } from '../../src/vault/opening.ts';
import { noQuotas, type QuotaLimits } from '../../src/vault/quotas.ts';
import { Trust } from '../../src/vault/trust.ts';
import { createVault, type Vault } from '../../src/vault/vault.ts';
import { type Metrics, noMetrics } from '../../telemetry/instruments.ts';
import { noSpan } from '../../telemetry/tracing.ts';

export interface AuditLine {
  readonly event: string;
  readonly client: string | null;
  readonly credential_id: string | null;
  readonly resource: string | null;
  readonly outcome: string | null;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface TestVault {
  readonly vault: Vault;
  readonly folder: string;
  readonly bootstrapFile: string;
  readonly problems: string[];
  records(): AuditLine[];
  /** Also when it is closed already. */
  close(): Promise<void>;
}

export interface TestVaultOptions {
  readonly folder: string;
  readonly policy: string;
  readonly now: () => number;
  /** How sure `now` is; certain unless given. */
  readonly moment?: () => Moment;
  readonly metrics?: Partial<Metrics>;
  readonly quotas?: QuotaLimits;
  readonly diskReserve?: DiskReserve;
  /** What rotation waits for. */
  readonly generate?: () => Promise<string>;
  /** What the vault sees in place of its store. */
  readonly through?: (store: Store) => Store;
}

/** Vault and audit log on files as the service wires them, made where there are none, with time in our hands. */
export async function openTestVault(options: TestVaultOptions): Promise<TestVault> {
  const { folder, now } = options;
  const metrics = { ...noMetrics(), ...options.metrics };
  const paths = {
    vault_path: join(folder, 'data/vault.db'),
    audit_path: join(folder, 'data/audit'),
    master_key_path: join(folder, 'keys/master.key'),
  };
  const onFatal = (error: Error) => {
    throw error;
  };
  const opened = await openVault({ paths, mayCreate: true, onFatal, metrics });
  const { store, keyring } = opened;
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
    clock: now,
    metrics,
  });
  let closed = false;
  const problems: string[] = [];
  const policy = parsePolicy(options.policy);
  const bootstrapFile = join(folder, 'keys/bootstrap.token');
  const vault = createVault({
    store: options.through?.(store) ?? store,
    keyring,
    audit,
    policy: () => policy,
    metrics,
    now,
    ...(options.moment && { moment: options.moment }),
    defaults: { every: 86_400_000, grace: 0 },
    generate: options.generate ?? (async () => 'generated'),
    log: { error: (_facts, message) => void problems.push(message) },
    bootstrapTokenPath: bootstrapFile,
    quotas: options.quotas ?? noQuotas,
    ...(options.diskReserve === undefined ? {} : { diskReserve: options.diskReserve }),
    hadToken: opened.seal.hadToken,
    trust: new Trust(),
  });
  return {
    vault,
    folder,
    bootstrapFile,
    problems,
    records: () =>
      readdirSync(paths.audit_path)
        .toSorted()
        .flatMap(file => readFileSync(join(paths.audit_path, file), 'utf8').trim().split('\n'))
        .map(line => JSON.parse(line) as AuditLine)
        .filter(({ event }) => event !== 'proof'),
    async close() {
      if (closed) return;
      closed = true;
      await audit.close();
      await opened.close();
    },
  };
}

/** A caller known by the header. */
export function headerCaller(client: string): Caller {
  return {
    client,
    identityMethod: 'header',
    credentialId: null,
    credential: lastingCredential,
    remoteAddr: null,
    requestId: null,
    traceId: null,
    span: noSpan,
  };
}
