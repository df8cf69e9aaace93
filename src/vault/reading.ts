import { ServiceError } from '../errors.ts';
import { Turn } from '../event-loop.ts';
import { FairGate } from '../fair-gate.ts';
import type { Policy } from '../policy/policy.ts';
import type {
  NameRange,
  SecretHead,
  SecretSummary,
  SecretVersion,
  StoredSecret,
  VersionSummary,
} from '../store/store.ts';
import type { Caller } from './caller.ts';
import type { VaultContext } from './context.ts';
import { checkName } from './names.ts';
import { type Precondition, requireMetBy, unconditional } from './precondition.ts';
import {
  factsOf,
  type ListedSecret,
  type ReadSecret,
  type SecretPage,
  type VersionPage,
  type VersionState,
} from './types.ts';
import { isReadable, isSummaryReadable, requireExisting } from './versions.ts';

/** Rows that one page may look at, so that a policy that hides most names costs a client round trips, not the server. */
const rowsPerPage = 2000;
/** Rows that are read in one go, so that a page holds up nobody. */
const rowsAtOnce = 50;
/** Pages that are put together at a time: each has its rows in memory until it is sent. */
const pagesAtOnce = 2;

/** The reads of the vault. */
export class Reading {
  readonly #vault: VaultContext;
  readonly #pages = new FairGate(pagesAtOnce);

  constructor(vault: VaultContext) {
    this.#vault = vault;
  }

  /**
   * Decrypted first, then recorded, then answered.
   * @param version null for the active one
   * @param has whether the caller holds this version already: authorised and recorded, but not decrypted
   * @param precondition asked of the version that is read, before `has` is
   */
  async read(
    caller: Caller,
    name: string,
    version: number | null,
    has: (version: number) => boolean,
    precondition: Precondition = unconditional,
  ): Promise<ReadSecret> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['read'], [name]);
    const subject = { action: 'read', name, version } as const;
    const answer = await this.#vault.recordingFailure(caller, [subject], () => {
      this.#vault.rows.requireReadable(name);
      const stored = this.#usable(name);
      const row = version === null ? this.#active(stored) : this.#version(name, version);
      requireMetBy(name, { isLive: true, version: row.version }, precondition);
      const value = has(row.version)
        ? null
        : caller.span.step('secret.decrypt', () => this.#vault.rows.openValue(row));
      return { ...factsOf(row), value, metadata: stored.head.metadata };
    });
    const outcome = answer.value === null ? 'not_modified' : 'ok';
    await this.#vault.journal.note(caller, 'read', { ...subject, version: answer.version }, outcome);
    return answer;
  }

  /** The versions of a name, oldest first and page by page, without values; needs the list action. */
  async versions(caller: Caller, name: string, limit: number, cursor: string | null): Promise<VersionPage> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['list'], [name]);
    const subject = { action: 'list', name } as const;
    const reader = `versions ${caller.client} ${name}`;
    const page = await this.#vault.recordingFailure(caller, [subject], async () => {
      const { head } = this.#usable(name);
      const after = cursor === null ? 0 : Number(this.#vault.cursors.open(reader, cursor));
      return await this.#pages.run(caller.client, () => this.#versionsAfter(head, after, limit));
    });
    await this.#vault.journal.note(caller, 'versions', subject, 'ok');
    const { versions, damaged, last } = page;
    return {
      versions,
      damaged,
      nextCursor: last === null ? null : this.#vault.cursors.seal(reader, String(last)),
    };
  }

  /** Live secrets that the caller may list, by name. A page may be short, even empty, and still have more after it. */
  async list(caller: Caller, prefix: string, limit: number, cursor: string | null): Promise<SecretPage> {
    const policy = await this.#vault.journal.authoriseList(caller, prefix);
    const after = cursor === null ? null : this.#vault.cursors.open(caller.client, cursor);
    const ranges = withinPrefix(policy.listRanges(caller.client), prefix);
    const page = await this.#pages.run(caller.client, () =>
      this.#secretsAfter(caller.client, policy, ranges, after, limit),
    );
    const { secrets, damaged, rowsRead, last } = page;
    const detail = { count: secrets.length, ...(damaged.length > 0 && { damaged: damaged.length }) };
    await this.#vault.journal.note(caller, 'list', { action: 'list', name: prefix, detail }, 'ok');
    return {
      secrets,
      damaged,
      rowsRead,
      nextCursor: last === null ? null : this.#vault.cursors.seal(caller.client, last),
    };
  }

  /** Where the page is not the last one, `last` is where the next goes on. */
  async #secretsAfter(
    client: string,
    policy: Policy,
    ranges: readonly NameRange[],
    after: string | null,
    limit: number,
  ): Promise<{ secrets: ListedSecret[]; damaged: string[]; rowsRead: number; last: string | null }> {
    const turn = new Turn();
    const secrets: ListedSecret[] = [];
    const damaged: string[] = [];
    let rowsRead = 0;
    let last = after;
    for (;;) {
      const rows = this.#vault.stored(store =>
        store.list({ ranges, after: last, limit: Math.min(rowsAtOnce, limit + 1) }),
      );
      if (rows.length === 0) return { secrets, damaged, rowsRead, last: null };
      for (const row of rows) {
        const name = 'damaged' in row ? row.damaged : row.head.name;
        const isVisible = policy.allows(client, 'list', name);
        const isFull = secrets.length + damaged.length >= limit;
        // A full page says that there is more only if the client may list more.
        if ((isFull && isVisible) || rowsRead >= rowsPerPage) return { secrets, damaged, rowsRead, last };
        rowsRead += 1;
        last = name;
        if (!isVisible) continue;
        const secret = 'damaged' in row ? null : this.#listed(row);
        if (secret === null) damaged.push(last);
        else secrets.push(secret);
        await turn.pause();
      }
    }
  }

  /** Null for a row that was altered: it is reported, and the list goes on. */
  #listed(row: SecretSummary): ListedSecret | null {
    try {
      this.#vault.rows.verifySecretSummary(row);
    } catch {
      return null;
    }
    if (row.active === null) return null;
    return { ...factsOf(row.active), isExpired: row.active.expiresAt <= this.#vault.now() };
  }

  /** Where the page is not the last one, `last` is where the next goes on. */
  async #versionsAfter(
    head: SecretHead,
    after: number,
    limit: number,
  ): Promise<{ versions: VersionState[]; damaged: number[]; last: number | null }> {
    const turn = new Turn();
    const versions: VersionState[] = [];
    const damaged: number[] = [];
    let last = after;
    for (;;) {
      const rows = this.#vault.stored(store =>
        store.versions(head.name, last, Math.min(rowsAtOnce, limit - versions.length - damaged.length + 1)),
      );
      if (rows.length === 0) return { versions, damaged, last: null };
      for (const row of rows) {
        if (versions.length + damaged.length >= limit) return { versions, damaged, last };
        last = 'damaged' in row ? row.damaged : row.version;
        if ('damaged' in row || !this.#isOwn(row)) damaged.push(last);
        else versions.push(this.#describe(row, head.activeVersion));
        await turn.pause();
      }
    }
  }

  #isOwn(row: VersionSummary): boolean {
    try {
      this.#vault.rows.verifySummary(row);
      return true;
    } catch {
      return false;
    }
  }

  /** A deleted secret is not there for readers. */
  #usable(name: string): StoredSecret {
    const stored = requireExisting(this.#vault.load(name), name);
    if (stored.head.deletedAt === null) return stored;
    throw new ServiceError('not_found', `"${name}" is deleted; POST /undelete brings it back.`);
  }

  #active(stored: StoredSecret): SecretVersion {
    if (stored.active !== null) return stored.active;
    throw new ServiceError(
      'not_found',
      `"${stored.head.name}" has no active version yet; POST /activate makes one.`,
    );
  }

  #version(name: string, version: number): SecretVersion {
    const row = this.#vault.stored(store => store.version(name, version));
    if (row === null) throw new ServiceError('not_found', `"${name}" has no version ${version}.`);
    this.#vault.rows.verifyVersion(row);
    if (isReadable(row, this.#vault.moment().earliest)) return row;
    throw new ServiceError(
      'not_found',
      `Version ${version} of "${name}" was destroyed at the end of its grace.`,
    );
  }

  #describe(row: VersionSummary, activeVersion: number): VersionState {
    const { generated, deactivatedAt, destroyAt } = row;
    return { ...factsOf(row), state: this.#state(row, activeVersion), generated, deactivatedAt, destroyAt };
  }

  #state(row: VersionSummary, activeVersion: number): VersionState['state'] {
    if (!isSummaryReadable(row, this.#vault.moment().earliest)) return 'destroyed';
    if (row.version === activeVersion) return 'active';
    return row.deactivatedAt === null ? 'staged' : 'superseded';
  }
}

function withinPrefix(ranges: readonly NameRange[], prefix: string): NameRange[] {
  if (prefix === '') return [...ranges];
  const end = `${prefix.slice(0, -1)}${String.fromCodePoint((prefix.codePointAt(prefix.length - 1) ?? 0) + 1)}`;
  return ranges
    .map(({ from, to }) => ({ from: from > prefix ? from : prefix, to: to !== null && to < end ? to : end }))
    .filter(({ from, to }) => from < to);
}
