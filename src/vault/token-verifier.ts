import { randomBytes, timingSafeEqual } from 'node:crypto';
import { hashToken, isTokenText } from './token-format.ts';
import type { HeldToken, TokenIndex } from './token-index.ts';
import type { TokenRefusal, VerifiedToken } from './token-types.ts';

/** Equal to no token's hash: unknown tokens are compared with it, so that they cost what known ones do. */
const decoy: Uint8Array = randomBytes(32);

/** Says whose a token is. Costs one hash and one look-up, whatever the token and however many there are. */
export class TokenVerifier {
  readonly #index: TokenIndex;
  readonly #now: () => number;

  constructor(index: TokenIndex, now: () => number) {
    this.#index = index;
    this.#now = now;
  }

  /** @param remoteAddress null on a unix socket */
  verify(text: string, remoteAddress: string | null): VerifiedToken {
    const hash = hashToken(text);
    const found = this.#index.byHash(hash);
    const isKnown = timingSafeEqual(found?.row.hash ?? decoy, Buffer.from(hash, 'hex'));
    const token = isKnown ? (found ?? null) : null;
    const refusal = token === null ? 'unknown' : refusalOf(token, remoteAddress);
    // What is good has the right form. All that is refused is looked at, so that the time of it does not tell why.
    if (refusal !== null && !isTokenText(text)) return { refusal: 'malformed', holder: null };
    if (token === null) return { refusal: 'unknown', holder: null };
    if (refusal === null) token.lastUsedAt = this.#now();
    const { id, client } = token.row;
    return { refusal, holder: { id, client, credential: token } };
  }
}

function refusalOf(token: HeldToken, remoteAddress: string | null): TokenRefusal | null {
  return token.lapse() ?? (token.networks.allow(remoteAddress) ? null : 'wrong_network');
}
