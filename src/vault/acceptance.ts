import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChainPosition, readLink } from '../audit/chain.ts';
import { readLines } from '../audit/lines.ts';
import { openAuditLog } from '../audit/log.ts';
import { auditEntry } from '../audit/record.ts';
import type { AuditRegistry, RegisteredSegment } from '../audit/registry.ts';
import { acceptanceEvent, isSegmentFile } from '../audit/structure.ts';
import { verifyAudit } from '../audit/verify.ts';
import type { Config } from '../config/schema.ts';
import { asStartError, StartError } from '../errors.ts';
import { Inspection, type SealComparison } from '../store/inspection.ts';
import type { Store } from '../store/store.ts';
import type { Keyring } from './keyring.ts';
import { LogAgreement } from './log-agreement.ts';
import { openUnsealed } from './opening.ts';
import { sealProblems } from './vault-check.ts';

export interface Accepted {
  /** The record of the audit log that says so. */
  readonly seq: number;
  readonly what: readonly string[];
}

/** How much of the differences the record repeats, in characters. */
const longestSummary = 500;

/**
 * Makes the vault as it is the one that counts, for an operator who knows why it differs from its seal. The record of it
 * is durable before the new seal is.
 * @param id names the rows, as `check` printed it
 * @throws StartError where the rows are others by now, or the audit log cannot be opened
 */
export async function acceptVault(config: Config, id: string): Promise<Accepted> {
  const { paths } = config;
  const onFatal = (error: Error) => {
    throw error;
  };
  const metrics = { storeCommitted: () => {} };
  const opened = await openUnsealed({ paths, mayCreate: false, onFatal, metrics });
  try {
    return await accept(config, opened.store, opened.keyring, id);
  } catch (error) {
    throw asStartError(error);
  } finally {
    await opened.close();
  }
}

async function accept(config: Config, store: Store, keyring: Keyring, id: string): Promise<Accepted> {
  const { audit_path: folder, vault_path } = config.paths;
  const comparison = compare(vault_path, keyring);
  if (comparison.id !== id) {
    throw new StartError(`The vault is not the one that ${id} names; run \`jarvis-secretsd check\` again.`);
  }
  const agreement = new LogAgreement();
  const { prove, publicKey, vaultId } = keyring;
  await verifyAudit({ folder, vaultId, publicKey, prove, facts: null, onRecord: agreement.note });
  const registry = new WideRegistry(store, await unregistered(folder, store), agreement.newest);
  const audit = await openAuditLog({
    folder,
    vaultId,
    publicKey,
    sign: data => keyring.sign(data),
    prove,
    registry,
    sync: 'always',
    segmentBytes: config.audit.segment_bytes,
    clock: Date.now,
    metrics: {
      auditRecordsWritten: () => {},
      auditRecordsFailed: () => {},
      auditFlushed: () => {},
      auditFilesChanged: () => {},
    },
    report: () => {},
  });
  try {
    const what = describe(comparison, agreement, await store.lastIntent());
    const appended = audit.append([recordOf(id, what)]);
    await appended.durable;
    const commits = Math.max(agreement.history.commits ?? 0, comparison.seal?.commits ?? 0) + 1;
    const hadToken =
      agreement.history.hadToken || comparison.seal?.hadToken === true || store.tokens().length > 0;
    await store.protect(keyring.sealKeys, { commits, hadToken, announced: true, acceptanceId: id });
    await registry.settle(appended);
    return { seq: appended.seq, what };
  } finally {
    await audit.close();
  }
}

function compare(path: string, keyring: Keyring): SealComparison {
  const inspection = new Inspection(path);
  try {
    const steps = inspection.compareWithSeal(keyring.sealKeys);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    return step.value;
  } finally {
    inspection.close();
  }
}

function describe(
  comparison: SealComparison,
  { newest }: LogAgreement,
  last: ChainPosition | null,
): string[] {
  const behind = newest !== null && newest.intentSeq > (last?.seq ?? 0);
  const what = [
    ...sealProblems(comparison),
    ...(behind
      ? [`the log goes on to record ${newest.intentSeq}, and the vault ends with ${last?.seq ?? 'none'}`]
      : []),
  ];
  return what.length > 0 ? what : ['the vault as it is'];
}

function recordOf(id: string, what: readonly string[]) {
  return auditEntry({
    event: acceptanceEvent,
    client: 'command line',
    identity_method: 'system',
    action: 'admin',
    resource: 'vault',
    outcome: 'ok',
    detail: { accepted: id, found: what.join('; ').slice(0, longestSummary) },
  });
}

/** Segments that the vault does not know: those that were opened after the moment that it was put back to. */
async function unregistered(folder: string, store: Store): Promise<RegisteredSegment[]> {
  const known = new Set((await store.auditSegments()).map(({ file }) => file));
  const files = (await readdir(folder)).filter(file => isSegmentFile(file) && !known.has(file)).sort();
  const segments: RegisteredSegment[] = [];
  for (const file of files) {
    const first = await firstLink(join(folder, file));
    if (first !== null) segments.push({ file, firstSeq: first.seq, previousHash: first.previousHash });
  }
  return segments;
}

async function firstLink(path: string) {
  for await (const [line] of readLines(path)) return line === undefined ? null : readLink(line.bytes);
  return null;
}

/** What the vault remembers of the log, and what the log itself shows beyond it; notes wait until the vault is sealed. */
class WideRegistry implements AuditRegistry {
  readonly #store: Store;
  readonly #found: readonly RegisteredSegment[];
  readonly #newest: LogAgreement['newest'];
  readonly #noted: RegisteredSegment[] = [];
  #isSettled = false;

  constructor(store: Store, found: readonly RegisteredSegment[], newest: LogAgreement['newest']) {
    this.#store = store;
    this.#found = found;
    this.#newest = newest;
  }

  async auditSegments(): Promise<readonly RegisteredSegment[]> {
    const known = await this.#store.auditSegments();
    const isNew = ({ file }: RegisteredSegment) => !known.some(segment => segment.file === file);
    return [...known, ...[...this.#found, ...this.#noted].filter(isNew)];
  }

  async auditPosition(): Promise<ChainPosition | null> {
    return await this.#store.auditPosition();
  }

  async lastIntent(): Promise<ChainPosition | null> {
    const last = await this.#store.lastIntent();
    if (this.#newest === null || this.#newest.intentSeq <= (last?.seq ?? 0)) return last;
    return { seq: this.#newest.intentSeq, hash: this.#newest.intentHash };
  }

  sealedCommits(): number | null {
    return this.#store.sealedCommits();
  }

  async noteAudit(position: ChainPosition, segment?: RegisteredSegment): Promise<void> {
    if (this.#isSettled) await this.#store.noteAudit(position, segment);
    else if (segment !== undefined) this.#noted.push(segment);
  }

  /** The vault is sealed: it takes over what the log shows. */
  async settle({ seq, hash }: ChainPosition): Promise<void> {
    this.#isSettled = true;
    for (const segment of await this.auditSegments()) await this.#store.noteAudit({ seq, hash }, segment);
    await this.#store.noteAudit({ seq, hash });
    const last = await this.#store.lastIntent();
    if (this.#newest === null || this.#newest.intentSeq <= (last?.seq ?? 0)) return;
    await this.#store.commitTokens({ put: [], drop: [] }, this.#newest);
  }
}
