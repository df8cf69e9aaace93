import { ServiceError } from '../errors.ts';
import type { NameRange, SecretVersion, StoredSecret } from '../store/store.ts';
import type { Caller } from './caller.ts';
import type { VaultContext } from './context.ts';
import { checkName } from './names.ts';
import { factsOf, type ListedSecret, type ReadSecret, type SecretPage, type VersionState } from './types.ts';
import { isReadable, requireExisting } from './versions.ts';

/** Rows that one page may look at, so that a policy that hides most names costs a client round trips, not the server. */
const rowsPerPage = 2000;

/** The reads of the vault. */
export class Reading {
  readonly #vault: VaultContext;

  constructor(vault: VaultContext) {
    this.#vault = vault;
  }

  /**
   * Decrypted first, then recorded, then answered.
   * @param version null for the active one
   * @param has whether the caller holds this version already: authorised and recorded, but not decrypted
   */
  async read(
    caller: Caller,
    name: string,
    version: number | null,
    has: (version: number) => boolean,
  ): Promise<ReadSecret> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['read'], [name]);
    const subject = { action: 'read', name, version } as const;
    const answer = await this.#vault.recordingFailure(caller, [subject], () => {
      const stored = this.#usable(name);
      const row = version === null ? this.#active(stored) : this.#version(name, version);
      const value = has(row.version)
        ? null
        : caller.span.step('secret.decrypt', () => this.#vault.rows.openValue(row));
      return { ...factsOf(row), value, metadata: stored.head.metadata };
    });
    const outcome = answer.value === null ? 'not_modified' : 'ok';
    await this.#vault.journal.note(caller, 'read', { ...subject, version: answer.version }, outcome);
    return answer;
  }

  /** Every version of a name, without values; needs the list action. */
  async versions(caller: Caller, name: string): Promise<VersionState[]> {
    checkName(name);
    await this.#vault.journal.authorise(caller, ['list'], [name]);
    const subject = { action: 'list', name } as const;
    const versions = await this.#vault.recordingFailure(caller, [subject], () => {
      const { head } = this.#usable(name);
      const rows = this.#vault.stored(store => store.versions(name));
      for (const row of rows) this.#vault.rows.verifyVersion(row);
      return rows.map(row => this.#describe(row, head.activeVersion));
    });
    await this.#vault.journal.note(caller, 'versions', subject, 'ok');
    return versions;
  }

  /** Live secrets that the caller may list, by name. A page may be short, even empty, and still have more after it. */
  async list(caller: Caller, prefix: string, limit: number, cursor: string | null): Promise<SecretPage> {
    const policy = await this.#vault.journal.authoriseList(caller, prefix);
    const after = cursor === null ? null : this.#vault.rows.openCursor(caller.client, cursor);
    const ranges = withinPrefix(policy.listRanges(caller.client), prefix);
    const secrets: ListedSecret[] = [];
    let last: string | null = null;
    let looked = 0;
    let isWhole = true;
    for (const stored of this.#rowsAfter(after, ranges, limit + 1)) {
      isWhole = secrets.length < limit && looked++ < rowsPerPage;
      if (!isWhole) break;
      last = stored.head.name;
      if (stored.active === null || !policy.allows(caller.client, 'list', last)) continue;
      this.#vault.rows.verify(stored);
      secrets.push({ ...factsOf(stored.active), isExpired: stored.active.expiresAt <= this.#vault.now() });
    }
    const detail = { count: secrets.length };
    await this.#vault.journal.note(caller, 'list', { action: 'list', name: prefix, detail }, 'ok');
    return {
      secrets,
      rowsRead: looked,
      nextCursor: !isWhole && last !== null ? this.#vault.rows.sealCursor(caller.client, last) : null,
    };
  }

  /** So many at a time: where the policy hides few names, one look is enough for a page. */
  *#rowsAfter(after: string | null, ranges: readonly NameRange[], atOnce: number): Iterable<StoredSecret> {
    let rows: readonly StoredSecret[];
    let from = after;
    // A change at the same moment can make any but the last of them short.
    do {
      rows = this.#vault.stored(store => store.list({ ranges, after: from, limit: atOnce }));
      yield* rows;
      from = rows.at(-1)?.head.name ?? null;
    } while (rows.length > 0);
  }

  /** A deleted secret is not there for readers. */
  #usable(name: string): StoredSecret {
    const stored = requireExisting(this.#vault.load(name), name);
    if (stored.head.deletedAt === null) return stored;
    throw new ServiceError('not_found', `${name} is deleted; POST /undelete brings it back.`);
  }

  #active(stored: StoredSecret): SecretVersion {
    if (stored.active !== null) return stored.active;
    throw new ServiceError(
      'not_found',
      `${stored.head.name} has no active version yet; POST /activate makes one.`,
    );
  }

  #version(name: string, version: number): SecretVersion {
    const row = this.#vault.stored(store => store.version(name, version));
    if (row === null) throw new ServiceError('not_found', `${name} has no version ${version}.`);
    this.#vault.rows.verifyVersion(row);
    if (isReadable(row, this.#vault.moment().earliest)) return row;
    throw new ServiceError(
      'not_found',
      `Version ${version} of ${name} was destroyed at the end of its grace.`,
    );
  }

  #describe(row: SecretVersion, activeVersion: number): VersionState {
    const { generated, deactivatedAt, destroyAt } = row;
    return { ...factsOf(row), state: this.#state(row, activeVersion), generated, deactivatedAt, destroyAt };
  }

  #state(row: SecretVersion, activeVersion: number): VersionState['state'] {
    if (!isReadable(row, this.#vault.moment().earliest)) return 'destroyed';
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
