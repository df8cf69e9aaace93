import { readFacts } from '../audit/registry.ts';
import { type AuditReport, verifyAudit } from '../audit/verify.ts';
import { Inspection, type SealComparison } from '../store/inspection.ts';
import type { Store } from '../store/store.ts';
import type { Keyring } from './keyring.ts';
import { LogAgreement } from './log-agreement.ts';
import { openForVerification } from './opening.ts';
import type { RowProblem } from './row-check.ts';
import { checkVault, sealProblems, type VaultFindings } from './vault-check.ts';
import type { VaultPaths } from './vault-parts.ts';

export interface CheckOptions {
  readonly paths: VaultPaths;
  /** Whether every row is opened and SQLite checks its indexes, too; without it rows are compared with seal and log. */
  readonly opensRows: boolean;
  /** Told how many rows each slice had. */
  readonly onRows: (rows: number) => void;
}

/** What a look at vault and audit log found; all lists are empty where all holds. */
export interface CheckReport {
  readonly fingerprint: string;
  readonly audit: AuditReport;
  readonly comparison: SealComparison;
  /** How the vault as a whole differs from its seal and from the log. */
  readonly vaultProblems: readonly string[];
  /** Rows that the log or their own MAC shows to be wrong. */
  readonly rowProblems: readonly RowProblem[];
  /** Secrets and tokens of which some were altered, where no row can be named. */
  readonly suspects: readonly { readonly table: string; readonly entity: string }[];
  /** Null where rows were not opened. */
  readonly findings: VaultFindings | null;
}

/**
 * Reads the audit log and the vault, offline or beside the running service, and changes nothing.
 * @throws StartError when key or vault cannot be used
 */
export async function checkAll(options: CheckOptions): Promise<CheckReport> {
  const { store, keyring } = await openForVerification(options.paths);
  try {
    return await check(options, store, keyring);
  } finally {
    await store.close();
  }
}

async function check(options: CheckOptions, store: Store, keyring: Keyring): Promise<CheckReport> {
  const { audit_path: folder, vault_path } = options.paths;
  const { fingerprint, prove, publicKey, vaultId } = keyring;
  const agreement = new LogAgreement();
  const facts = () => readFacts(store);
  const audit = await verifyAudit({ folder, vaultId, publicKey, prove, facts, onRecord: agreement.note });
  const inspection = new Inspection(vault_path);
  try {
    const comparison = finish(inspection.compareWithSeal(keyring.sealKeys), options.onRows);
    const findings = options.opensRows ? finish(checkVault(inspection, keyring), options.onRows) : null;
    return {
      fingerprint,
      audit,
      comparison,
      vaultProblems: vaultProblems(comparison, agreement.history.commits),
      rowProblems: [...agreement.problems(inspection), ...(findings?.rowProblems ?? [])],
      suspects: inspection.entitiesOf(comparison.groups),
      findings,
    };
  } finally {
    inspection.close();
  }
}

/** @param logged the most commits that the log says the vault had; null where it says nothing of a seal */
function vaultProblems(comparison: SealComparison, logged: number | null): string[] {
  if (comparison.found === 'none' && logged === null) return [];
  const commits = comparison.seal?.commits ?? 0;
  const isOlder = comparison.seal !== null && commits < (logged ?? 0);
  return [
    ...sealProblems(comparison),
    ...(isOlder
      ? [`the log knows ${logged} commits and the vault holds ${commits}: it was put back to an older state`]
      : []),
  ];
}

function finish<T>(steps: Generator<number, T>, onRows: (rows: number) => void): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    onRows(step.value);
  }
}
