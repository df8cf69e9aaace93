import type { Moment } from '../clock/trusted-clock.ts';
import { ServiceError } from '../errors.ts';
import { bootstrapClient } from '../policy/policy.ts';
import type { StoredToken } from '../store/store.ts';
import type { Credential, Lapse } from './caller.ts';
import { SourceNetworks } from './source-networks.ts';
import type { Trust } from './trust.ts';

/** A token that the vault holds, and what it proves; the same object while the token is kept. */
export class HeldToken implements Credential {
  /** As last committed. */
  row: StoredToken;
  /** In milliseconds since the epoch; ahead of the row, which is written later. */
  lastUsedAt: number | null;
  readonly networks: SourceNetworks;
  readonly #moment: () => Moment;
  readonly #trust: Trust;

  /** @throws ServiceError bad_request for networks that are none */
  constructor(row: StoredToken, moment: () => Moment, trust: Trust) {
    this.#trust = trust;
    this.row = row;
    this.lastUsedAt = row.lastUsedAt;
    this.networks = new SourceNetworks(row.sourceNetworks);
    this.#moment = moment;
  }

  /** Expired by any clock is expired: while the clock is in doubt, a token is rather refused than good for too long. */
  lapse(): Lapse | null {
    if (this.#trust.refuses(this.row.id)) return 'altered';
    if (this.row.revokedAt !== null) return 'revoked';
    return this.#moment().latest < this.row.expiresAt ? null : 'expired';
  }

  /** Whether it can never be good again, whichever clock is right. */
  get isOver(): boolean {
    return this.row.revokedAt !== null || this.#moment().earliest >= this.row.expiresAt;
  }

  get isBootstrap(): boolean {
    return this.row.client === bootstrapClient;
  }

  get grants(): 'policy' | 'tokens' {
    return this.isBootstrap ? 'tokens' : 'policy';
  }
}

/**
 * Every token in memory, by hash and by id. The process has the vault to itself, so this is what the store holds; it
 * changes when a commit is durable, and not before.
 */
export class TokenIndex {
  readonly #byHash = new Map<string, HeldToken>();
  readonly #byId = new Map<string, HeldToken>();
  readonly #moment: () => Moment;
  readonly #trust: Trust;

  /** @param rows oldest first */
  constructor(rows: readonly StoredToken[], moment: () => Moment, trust: Trust) {
    this.#moment = moment;
    this.#trust = trust;
    for (const row of rows) this.put(row);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Oldest first. */
  all(): HeldToken[] {
    return [...this.#byId.values()];
  }

  /** The bootstrap tokens that are not over: one, but for a clock that went back. */
  liveBootstraps(): HeldToken[] {
    return this.all().filter(token => token.isBootstrap && !token.isOver);
  }

  byHash(hash: string): HeldToken | undefined {
    return this.#byHash.get(hash);
  }

  byId(id: string): HeldToken | undefined {
    return this.#byId.get(id);
  }

  /** How many tokens of the client are still good. */
  goodOf(client: string): number {
    let count = 0;
    for (const token of this.#byId.values()) if (token.row.client === client && !token.isOver) count += 1;
    return count;
  }

  /** The largest number of tokens that are still good and belong to one client. */
  get mostOfOneClient(): number {
    const counts = new Map<string, number>();
    for (const { row, isOver } of this.#byId.values()) {
      if (!isOver) counts.set(row.client, (counts.get(row.client) ?? 0) + 1);
    }
    return Math.max(0, ...counts.values());
  }

  /** The ids of the client's oldest tokens that ended, beyond so many that are kept; none where `kept` is 0. */
  endedOf(client: string, kept: number): string[] {
    if (kept === 0) return [];
    const ended = this.all().filter(token => token.row.client === client && token.isOver);
    return ended.slice(0, Math.max(0, ended.length - kept)).map(token => token.row.id);
  }

  /** The ids of the oldest tokens that ended, as many as there are tokens beyond `most`. */
  endedBeyond(most: number): string[] {
    const ended = this.all().filter(token => token.isOver);
    return ended.slice(0, Math.max(0, this.size - most)).map(token => token.row.id);
  }

  /**
   * The ids that must go so that one more token fits below `most`: of those that ended, the oldest.
   * @throws ServiceError conflict where all of them are still good
   */
  makeRoom(most: number): string[] {
    const dropped = this.endedBeyond(most - 1);
    if (this.size - dropped.length < most) return dropped;
    throw new ServiceError('conflict', `There are ${this.size} tokens; revoke some that nobody uses.`);
  }

  put(row: StoredToken): void {
    const known = this.#byId.get(row.id);
    if (known !== undefined) {
      known.row = row;
      return;
    }
    const token = new HeldToken(row, this.#moment, this.#trust);
    this.#byId.set(row.id, token);
    this.#byHash.set(hashKey(row), token);
  }

  drop(id: string): void {
    const token = this.#byId.get(id);
    if (token === undefined) return;
    this.#byId.delete(id);
    this.#byHash.delete(hashKey(token.row));
  }
}

function hashKey(row: StoredToken): string {
  return Buffer.from(row.hash).toString('hex');
}
