import { errorMessage } from '../errors.ts';
import { Bootstrap } from './bootstrap.ts';
import { BootstrapFile } from './bootstrap-file.ts';
import type { Caller } from './caller.ts';
import { Changing } from './changing.ts';
import type { ErrorLog } from './committer.ts';
import { VaultContext, type VaultDependencies } from './context.ts';
import type { DiskShortage } from './disk-shares.ts';
import type { Precondition } from './precondition.ts';
import type { Quotas } from './quotas.ts';
import { Reading } from './reading.ts';
import type { TokenIndex } from './token-index.ts';
import { loadTokens } from './token-loading.ts';
import type { IssuedToken, TokenPage, TokenRequest, VerifiedToken } from './token-types.ts';
import { TokenVerifier } from './token-verifier.ts';
import { Tokens } from './tokens.ts';
import type {
  ReadSecret,
  RotatedVersion,
  SecretInput,
  SecretPage,
  VersionFacts,
  VersionPage,
} from './types.ts';
import { Upkeep } from './upkeep.ts';

export type { Caller } from './caller.ts';
export type { VaultDependencies } from './context.ts';
export type { Precondition, SecretState } from './precondition.ts';
export type * from './token-types.ts';
export type * from './types.ts';

/**
 * The one door: every read and change of a secret or token authorises, audits and acts here, and answers only when its
 * record is durable. Methods throw ServiceError.
 */
export interface Vault {
  read(
    caller: Caller,
    name: string,
    version: number | null,
    has: (version: number) => boolean,
    precondition?: Precondition,
  ): Promise<ReadSecret>;
  versions(caller: Caller, name: string, limit: number, cursor: string | null): Promise<VersionPage>;
  list(caller: Caller, prefix: string, limit: number, cursor: string | null): Promise<SecretPage>;

  create(
    caller: Caller,
    name: string,
    input: SecretInput,
    precondition?: Precondition,
  ): Promise<VersionFacts>;
  put(
    caller: Caller,
    name: string,
    input: SecretInput & { readonly activate: boolean },
    precondition?: Precondition,
  ): Promise<VersionFacts & { readonly isNew: boolean }>;
  activate(caller: Caller, name: string, version: number, precondition?: Precondition): Promise<VersionFacts>;
  delete(caller: Caller, name: string, precondition?: Precondition): Promise<void>;
  /** Whether the values have left the files already. */
  purge(caller: Caller, name: string, precondition?: Precondition): Promise<boolean>;
  undelete(caller: Caller, name: string, precondition?: Precondition): Promise<void>;
  rotate(
    caller: Caller,
    names: readonly string[],
    generator: unknown,
    signal?: AbortSignal | null,
    precondition?: Precondition,
  ): Promise<RotatedVersion[]>;

  createToken(caller: Caller, request: TokenRequest): Promise<IssuedToken>;
  listTokens(caller: Caller, limit: number, cursor: string | null): Promise<TokenPage>;
  revokeToken(caller: Caller, id: string): Promise<void>;
  /** Whose a token is, for authentication: decides nothing and records nothing. Throws nothing. */
  verifyToken(text: string, remoteAddress: string | null): VerifiedToken;

  /** Live secrets, O(1). */
  count(): number;
  /** The largest share of each quota that one namespace or client uses, as far as it is known: 0 to 1. */
  quotaShares(): { readonly quota: 'secrets' | 'bytes' | 'tokens'; readonly share: number }[];
  /** Whether the disk is so short of space that clients beyond their share are refused, and what. */
  diskShortage(): DiskShortage;
  /** For the end of the service, before the audit log is closed. */
  close(): void;
  /** What the clock asks of the vault. */
  readonly upkeep: Upkeep;
  readonly bootstrap: Bootstrap;
}

export function createVault(dependencies: VaultDependencies): Vault {
  const { log, now, store } = dependencies;
  const context = new VaultContext(dependencies);
  const reading = new Reading(context);
  const changing = new Changing(context);
  const { index, neverHadToken } = loadTokens(context, dependencies.hadToken, log);
  const verifier = new TokenVerifier(index, now);
  const bootstrapFile = new BootstrapFile(dependencies.bootstrapTokenPath);
  const tokens = new Tokens(context, index, () => removeEnded(bootstrapFile, log));
  return {
    read: reading.read.bind(reading),
    versions: reading.versions.bind(reading),
    list: reading.list.bind(reading),
    create: changing.create.bind(changing),
    put: changing.put.bind(changing),
    activate: changing.activate.bind(changing),
    delete: changing.delete.bind(changing),
    purge: changing.purge.bind(changing),
    undelete: changing.undelete.bind(changing),
    rotate: changing.rotate.bind(changing),
    createToken: tokens.create.bind(tokens),
    listTokens: tokens.list.bind(tokens),
    revokeToken: tokens.revoke.bind(tokens),
    verifyToken: verifier.verify.bind(verifier),
    count: () => store.count(),
    quotaShares: () => quotaShares(context.quotas, index),
    diskShortage: () => context.shares.shortage,
    close: () => context.journal.close(),
    upkeep: new Upkeep(context, changing, tokens),
    bootstrap: new Bootstrap(tokens, index, bootstrapFile, neverHadToken),
  };
}

function quotaShares({ largestShares, limits }: Quotas, index: TokenIndex): ReturnType<Vault['quotaShares']> {
  const { secrets, bytes } = largestShares;
  const tokens = limits.tokens === 0 ? 0 : index.mostOfOneClient / limits.tokens;
  return [
    { quota: 'secrets', share: secrets },
    { quota: 'bytes', share: bytes },
    { quota: 'tokens', share: tokens },
  ];
}

/** What was done stands: at worst the next start in token mode removes the file. */
function removeEnded(file: BootstrapFile, log: ErrorLog): void {
  try {
    file.remove();
  } catch (error) {
    log.error({ reason: errorMessage(error) }, 'the file of the bootstrap token, which has ended, stays');
  }
}
