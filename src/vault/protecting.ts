import { join } from 'node:path';
import { readFacts } from '../audit/registry.ts';
import { commitsIn } from '../audit/structure.ts';
import { verifyAudit } from '../audit/verify.ts';
import { StartError, systemErrorCode } from '../errors.ts';
import type { SealFacts, SealStart } from '../store/seal-facts.ts';
import type { Store } from '../store/store.ts';
import type { Keyring } from './keyring.ts';

const wayForward =
  'If an earlier release ran on it after a rollback, or you put it back yourself, look at it and accept it with ' +
  '`jarvis-secretsd check`; if neither is so, somebody else wrote to it: docs/RUNBOOK.md, JarvisSecretsdVaultAltered.';

/** What a start needs to know of the seal. */
export type SealState = Pick<SealFacts, 'announced' | 'hadToken'>;

/**
 * Has each commit from here on move the seal on. A vault of an earlier release is sealed as it is, once.
 * @param mayDiffer what differs stays so, and is not refused
 * @throws StartError where the vault is not as it was sealed, or its seal is gone
 */
export async function protectVault(
  store: Store,
  keyring: Keyring,
  auditPath: string,
  mayDiffer: boolean,
): Promise<SealState> {
  const found = await store.protect(keyring.sealKeys, null);
  if (mayDiffer) return found.kind === 'sealed' ? found.facts : newSeal;
  if (found.kind === 'unreadable') {
    throw new StartError(
      `The seal of the vault does not open: it was altered, or is that of another vault. ${wayForward}`,
    );
  }
  if (found.kind === 'none') {
    const first = await firstSeal(store, keyring, auditPath);
    await store.protect(keyring.sealKeys, first);
    return first;
  }
  if (found.differences.length > 0) {
    throw new StartError(
      `The vault was changed by something other than this release: ${found.differences.join('; ')}. ${wayForward}`,
    );
  }
  return found.facts;
}

const newSeal: SealStart = { commits: 0, hadToken: false, announced: false, acceptanceId: null };

/** For a vault that carries no seal. The audit log remembers whether it ever did: all of it is read, once. */
async function firstSeal(store: Store, keyring: Keyring, folder: string): Promise<SealStart> {
  const history = new SealHistory();
  const { prove, publicKey, vaultId } = keyring;
  const facts = await readFacts(store);
  const onRecord = history.note.bind(history);
  const report = await verifyAudit({
    folder,
    vaultId,
    publicKey,
    prove,
    facts: async () => facts,
    onRecord,
  }).catch(error => {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (history.commits !== null) {
    throw new StartError(
      `The vault has lost its seal: the audit log says that it was sealed, and had ${history.commits} commits. ${wayForward}`,
    );
  }
  // The start itself looks at the last segment, and forgives it what a crash leaves there.
  const last = facts.segments.at(-1)?.file;
  const damage = report?.problems.find(({ file }) => file !== last && file !== '');
  if (damage !== undefined) {
    throw new StartError(
      `The vault has no seal, and the audit log cannot tell whether it ever had one: ${join(folder, damage.file)}:${damage.line}: ` +
        `${damage.reason}. ${wayForward}`,
    );
  }
  return { ...newSeal, hadToken: history.hadToken || store.tokens().length > 0 };
}

/** What the audit log remembers of the vault's seal. */
export class SealHistory {
  /** The most commits that the vault had; null where it never had a seal. */
  commits: number | null = null;
  hadToken = false;

  note({ entry }: { readonly entry: Parameters<typeof commitsIn>[0] }): void {
    const commits = commitsIn(entry);
    if (commits !== null) this.commits = Math.max(this.commits ?? 0, commits);
    const { action, event, outcome, resource } = entry;
    if (event !== 'outcome' || outcome !== 'ok' || action !== 'admin') return;
    if (resource?.startsWith('tokens/') === true) this.hadToken = true;
  }
}
