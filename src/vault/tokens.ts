import { randomBytes } from 'node:crypto';
import { ServiceError } from '../errors.ts';
import { bootstrapClient, isClientName } from '../policy/policy.ts';
import type { StoredToken } from '../store/store.ts';
import type { Caller } from './caller.ts';
import type { VaultContext } from './context.ts';
import { type Subject, tokenResources, tokensOf } from './journal.ts';
import { NameQueue } from './name-queue.ts';
import { requireWellFormed } from './names.ts';
import { mostSourceNetworks, SourceNetworks } from './source-networks.ts';
import { hashToken, newToken } from './token-format.ts';
import type { HeldToken, TokenIndex } from './token-index.ts';
import type { IssuedToken, TokenFacts, TokenPage, TokenRequest } from './token-types.ts';

/** All are in memory, and rows that have ended stay as long as there is room. */
const mostTokens = 10_000;
const maxDescriptionLength = 256;
/** Last-used times written at a time, so that a round never holds the event loop for long. */
const usesPerCommit = 1000;
/** Every change of tokens waits for the one before it. */
const turn = ['tokens'];

/** What becomes of one token in a commit. */
interface PlannedToken {
  readonly change: 'create' | 'revoke';
  readonly row: Omit<StoredToken, 'mac' | 'intentSeq'>;
}

/** The management of tokens: the `admin` action on `tokens/<client>` governs those of a client. */
export class Tokens {
  readonly #vault: VaultContext;
  readonly #index: TokenIndex;
  readonly #bootstrapEnded: () => void;
  readonly #queue = new NameQueue();

  /** @param bootstrapEnded called when the last bootstrap token that was good has been revoked */
  constructor(vault: VaultContext, index: TokenIndex, bootstrapEnded: () => void) {
    this.#vault = vault;
    this.#index = index;
    this.#bootstrapEnded = bootstrapEnded;
  }

  /** Made by the bootstrap token for a client who may administer tokens, it ends the bootstrap token. */
  async create(caller: Caller, request: TokenRequest): Promise<IssuedToken> {
    checkRequest(request);
    const { client } = request;
    await this.#vault.journal.authorise(caller, ['admin'], [tokensOf(client)]);
    return await this.#queue.run(turn, async () => {
      const drop = await this.#vault.recordingFailure(caller, [subjectOf(client)], async () => {
        this.#requireKnown(client);
        return this.#roomFor(client);
      });
      const token = newToken();
      const row = this.#newRow(token, request);
      const isSpent = caller.credential.grants === 'tokens' && this.#mayAdministerTokens(client);
      await this.#commit(
        caller,
        [{ change: 'create', row }, ...(isSpent ? this.#endBootstraps() : [])],
        drop,
      );
      return { ...factsOf(row), token };
    });
  }

  /** Those the caller may administer, oldest first; the ended ones, too. */
  async list(caller: Caller, limit: number, cursor: string | null): Promise<TokenPage> {
    const held = this.#index.all();
    const clients = new Set([...this.#vault.policy().clients, ...held.map(token => token.row.client)]);
    const mayAdminister = await this.#vault.journal.authoriseTokenList(caller, [...clients]);
    const reader = `tokens ${caller.client}`;
    const after = cursor === null ? '' : this.#vault.cursors.open(reader, cursor);
    const rest = held
      .filter(({ row }) => positionOf(row) > after && mayAdminister(row.client))
      .toSorted((a, b) => (positionOf(a.row) < positionOf(b.row) ? -1 : 1));
    const tokens = rest.slice(0, limit);
    const last = tokens.at(-1);
    const detail = { count: tokens.length };
    const subject = { action: 'admin', name: tokenResources, detail } as const;
    await this.#vault.journal.note(caller, 'list', subject, 'ok');
    return {
      tokens: tokens.map(current),
      nextCursor:
        rest.length > limit && last !== undefined
          ? this.#vault.cursors.seal(reader, positionOf(last.row))
          : null,
    };
  }

  /** From the commit on the token opens nothing. Again is no error: an answer may have been lost. */
  async revoke(caller: Caller, id: string): Promise<void> {
    const client = this.#index.byId(id)?.row.client ?? id;
    await this.#authoriseRevocation(caller, client);
    const subject = subjectOf(client);
    await this.#queue.run(turn, async () => {
      const token = await this.#vault.recordingFailure(caller, [subject], async () => this.#require(id));
      if (token.row.revokedAt === null) await this.#commit(caller, [this.#revoked(token)]);
      else await this.#vault.journal.note(caller, 'revoke', subject, 'unchanged');
    });
  }

  /** The refusal does not say whose token it is. @throws ServiceError not_authorized */
  async #authoriseRevocation(caller: Caller, client: string): Promise<void> {
    try {
      await this.#vault.journal.authorise(caller, ['admin'], [tokensOf(client)]);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'not_authorized') throw error;
      throw new ServiceError(
        'not_authorized',
        `The policy does not let "${caller.client}" revoke this token.`,
        {
          cause: error,
        },
      );
    }
  }

  /**
   * A token that may only manage tokens, for whoever holds the master key; the bootstrap tokens before it end.
   * @param keep is given the token before it is good for anything
   */
  async issueBootstrap(caller: Caller, lifetime: number, keep: (token: string) => void): Promise<void> {
    await this.#queue.run(turn, async () => {
      const token = newToken();
      const row = this.#newRow(token, {
        client: bootstrapClient,
        description: 'the way in: manages tokens, and nothing else',
        lifetime,
        sourceNetworks: [],
      });
      // The way in: it works, too, when there is no room for other tokens.
      const drop = this.#index.endedBeyond(mostTokens - 1);
      keep(token);
      await this.#commit(caller, [...this.#endBootstraps(), { change: 'create', row }], drop);
    });
  }

  /**
   * Writes down when tokens were last used.
   * @param least milliseconds by which a time must be newer than the one written
   */
  async recordUses(least: number): Promise<void> {
    await this.#queue.run(turn, async () => {
      const put = this.#index
        .all()
        .filter(({ row, lastUsedAt }) => (lastUsedAt ?? 0) - (row.lastUsedAt ?? 0) > least)
        .slice(0, usesPerCommit)
        .map(({ row, lastUsedAt }) => this.#vault.rows.signToken({ ...row, lastUsedAt }));
      if (put.length === 0) return;
      await this.#vault.store.commitTokens({ put, drop: [] }, null);
      for (const row of put) this.#index.put(row);
    });
  }

  /**
   * The ended tokens that one more for the client replaces: the client's own first, beyond as many as it may have good ones.
   * @throws ServiceError quota_exceeded or conflict
   */
  #roomFor(client: string): string[] {
    const { quotas } = this.#vault;
    const most = quotas.limits.tokens;
    const own = this.#index.endedOf(client, most);
    const good = this.#index.goodOf(client);
    if (most > 0 && good >= most) {
      quotas.refuse(
        'tokens',
        `${client} has ${good} tokens that are still good, of ${most}; revoke some, or raise quotas.tokens.`,
      );
    }
    return [...own, ...this.#index.makeRoom(mostTokens + own.length)];
  }

  async #commit(
    caller: Caller,
    planned: readonly PlannedToken[],
    drop: readonly string[] = [],
  ): Promise<void> {
    const subjects = planned.map(({ change, row }) => subjectOf(row.client, { change, token_id: row.id }));
    await this.#vault.committer.carryOut(caller, subjects, async operation => {
      const { intentSeq } = operation;
      const put = planned.map(({ row }) => this.#vault.rows.signToken({ ...row, intentSeq }));
      await this.#vault.store.commitTokens({ put, drop }, operation);
      for (const id of drop) this.#index.drop(id);
      for (const row of put) this.#index.put(row);
    });
    const endsBootstrap = planned.some(
      ({ change, row }) => change === 'revoke' && row.client === bootstrapClient,
    );
    if (endsBootstrap && this.#index.liveBootstraps().length === 0) this.#bootstrapEnded();
  }

  /** @throws ServiceError unavailable while the clock is in doubt by more than the token's lifetime */
  #newRow(token: string, request: TokenRequest): PlannedToken['row'] {
    const { now: createdAt, latest } = this.#vault.moment();
    if (latest >= createdAt + request.lifetime) {
      throw new ServiceError(
        'unavailable',
        'The clock is in doubt, and the token would have expired by it; set the clock, or run: jarvis-secretsd clock confirm.',
      );
    }
    return {
      id: `t-${randomBytes(8).toString('hex')}`,
      hash: Buffer.from(hashToken(token), 'hex'),
      client: request.client,
      description: request.description,
      createdAt,
      expiresAt: createdAt + request.lifetime,
      sourceNetworks: request.sourceNetworks,
      lastUsedAt: null,
      revokedAt: null,
    };
  }

  #revoked({ row, lastUsedAt }: HeldToken): PlannedToken {
    return { change: 'revoke', row: { ...row, lastUsedAt, revokedAt: this.#vault.now() } };
  }

  #endBootstraps(): PlannedToken[] {
    return this.#index.liveBootstraps().map(token => this.#revoked(token));
  }

  #require(id: string): HeldToken {
    const token = this.#index.byId(id);
    if (token !== undefined) return token;
    throw new ServiceError('not_found', 'There is no token with this id.');
  }

  #requireKnown(client: string): void {
    if (this.#vault.policy().knows(client)) return;
    throw new ServiceError('conflict', `The policy does not know "${client}"; add the client to it first.`);
  }

  #mayAdministerTokens(client: string): boolean {
    const policy = this.#vault.policy();
    return policy.clients.some(other => policy.allows(client, 'admin', tokensOf(other)));
  }
}

/** @throws ServiceError bad_request or too_large */
function checkRequest({ client, description, sourceNetworks }: TokenRequest): void {
  if (!isClientName(client))
    throw new ServiceError('bad_request', 'client is no name that a client can have.');
  requireWellFormed(description, 'description');
  if ([...description].length > maxDescriptionLength) {
    throw new ServiceError('bad_request', `description is at most ${maxDescriptionLength} characters.`);
  }
  if (sourceNetworks.length > mostSourceNetworks) {
    throw new ServiceError('bad_request', `source_networks holds at most ${mostSourceNetworks} networks.`);
  }
  new SourceNetworks(sourceNetworks);
}

function subjectOf(client: string, detail?: Subject['detail']): Subject {
  return { action: 'admin', name: tokensOf(client), ...(detail === undefined ? {} : { detail }) };
}

/** Where a token stands in a list: by age, and by id among those of one millisecond. */
function positionOf({ createdAt, id }: StoredToken): string {
  return `${String(createdAt).padStart(15, '0')} ${id}`;
}

function current({ row, lastUsedAt }: HeldToken): TokenFacts {
  return factsOf({ ...row, lastUsedAt });
}

function factsOf(row: TokenFacts): TokenFacts {
  const { id, client, description, createdAt, expiresAt, sourceNetworks, lastUsedAt, revokedAt } = row;
  return { id, client, description, createdAt, expiresAt, sourceNetworks, lastUsedAt, revokedAt };
}
