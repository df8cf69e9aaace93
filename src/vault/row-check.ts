import type { Inspection } from '../store/inspection.ts';
import type { SecretHead, SecretVersion, StoredToken } from '../store/store.ts';
import { open } from './envelope.ts';
import type { Keyring } from './keyring.ts';
import { verifyHead, verifyToken, verifyVersion } from './row-mac.ts';

/** The keys that reading every row takes. */
export type CheckKeys = Pick<Keyring, 'vaultId' | 'rowMacKey' | 'dataKey' | 'sealKeys'>;

/** Something wrong with a row. */
export interface RowProblem {
  readonly table: string;
  /** The name of the secret, or the id of the token. */
  readonly entity: string;
  readonly reason: string;
}

/** Secrets that are read in one go. */
const namesPerSlice = 50;

/**
 * Verifies and opens every row, a few secrets at a time, so that a service may write meanwhile. Yields the rows of each
 * slice; `onProblem` is told of each row that is not as the vault makes them.
 */
export function* checkRows(
  inspection: Inspection,
  keys: CheckKeys,
  onProblem: (problem: RowProblem) => void,
): Generator<number> {
  let after = 0;
  for (;;) {
    const names = inspection.namesAfter(after, namesPerSlice);
    const last = names.at(-1);
    if (last === undefined) break;
    after = last.rowid;
    yield inspection.atOneMoment(() =>
      names.reduce((rows, { name }) => rows + checkSecret(inspection, keys, name, onProblem), 0),
    );
  }
  for (const name of inspection.namesWithoutHead()) {
    onProblem({ table: 'versions', entity: name, reason: 'there are versions and no head' });
  }
  for (const id of inspection.tokenIds()) yield checkToken(inspection, keys, id, onProblem);
}

function checkSecret(
  inspection: Inspection,
  keys: CheckKeys,
  name: string,
  onProblem: (problem: RowProblem) => void,
): number {
  const { reader } = inspection;
  const report = (table: string, reason: string) => onProblem({ table, entity: name, reason });
  try {
    const stored = reader.secret(name);
    if (stored === null) {
      report('heads', 'the row is not found under its name: an index is damaged');
      return 1;
    }
    const versions = inspection.versionsOf(name);
    const newest = reader.lastIntent()?.seq ?? 0;
    for (const reason of headProblems(stored.head, versions, newest, keys)) report('heads', reason);
    for (const version of versions) {
      for (const reason of versionProblems(version, stored.head, keys)) {
        report('versions', `version ${version.version}: ${reason}`);
      }
    }
    return 1 + versions.length;
  } catch (error) {
    report('heads', error instanceof Error ? error.message : String(error));
    return 1;
  }
}

function headProblems(
  head: SecretHead,
  versions: readonly SecretVersion[],
  newestIntent: number,
  { rowMacKey, vaultId }: CheckKeys,
): string[] {
  const active = versions.find(({ version }) => version === head.activeVersion);
  const problems: string[] = [];
  if (!verifyHead(rowMacKey, vaultId, head)) problems.push('the MAC of the row is wrong');
  if (head.intentSeq > newestIntent) {
    problems.push(`the row comes from record ${head.intentSeq}, past the newest commit`);
  }
  if (head.activeVersion > 0 && active === undefined) {
    problems.push(`the active version ${head.activeVersion} is missing`);
  }
  if (active !== undefined && active.deactivatedAt !== null) {
    problems.push(`the active version ${head.activeVersion} was superseded`);
  }
  if (head.purged && versions.length > 0) problems.push('it is purged and still has versions');
  return problems;
}

function versionProblems(row: SecretVersion, head: SecretHead, keys: CheckKeys): string[] {
  const { kid, name, sealed, version } = row;
  const problems: string[] = [];
  if (!verifyVersion(keys.rowMacKey, keys.vaultId, row)) problems.push('the MAC of the row is wrong');
  if (version >= head.nextVersion) problems.push(`the number is past the next one, ${head.nextVersion}`);
  if (sealed === null) return problems;
  try {
    open(keys.dataKey(kid), { vaultId: keys.vaultId, name, version, kid }, sealed);
  } catch (error) {
    problems.push(`the value does not open: ${error instanceof Error ? error.message : String(error)}`);
  }
  return problems;
}

function checkToken(
  { reader }: Inspection,
  { rowMacKey, vaultId }: CheckKeys,
  id: string,
  onProblem: (problem: RowProblem) => void,
): number {
  const report = (reason: string) => onProblem({ table: 'tokens', entity: id, reason });
  try {
    const token: StoredToken | null = reader.token(id);
    if (token !== null && !verifyToken(rowMacKey, vaultId, token)) report('the MAC of the row is wrong');
  } catch (error) {
    report(error instanceof Error ? error.message : String(error));
  }
  return 1;
}
