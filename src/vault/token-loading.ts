import type { ErrorLog } from './committer.ts';
import type { VaultContext } from './context.ts';
import { TokenIndex } from './token-index.ts';

export interface LoadedTokens {
  readonly index: TokenIndex;
  /** Told by the seal, and by what is stored, whether or not it is ours: else damage to the rows would open the bootstrap. */
  readonly neverHadToken: boolean;
}

/**
 * The tokens of the vault; a row that the vault did not write is logged and left out.
 * @param hadToken whether the seal says that there ever was one
 * @throws ServiceError
 */
export function loadTokens(vault: VaultContext, hadToken: boolean, log: ErrorLog): LoadedTokens {
  const rows = vault.stored(store => store.tokens());
  const own = rows.filter(row => {
    const isOwn = vault.rows.isOwnToken(row);
    if (!isOwn) log.error({ token: row.id }, 'the stored row of a token was altered: the token is refused');
    return isOwn;
  });
  return {
    index: new TokenIndex(own, vault.moment, vault.trust),
    neverHadToken: !hadToken && rows.length === 0,
  };
}
