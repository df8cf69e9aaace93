import type { FastifyRequest } from 'fastify';
import type { Metrics } from '../../../telemetry/instruments.ts';
import { bearerChallenge, invalidToken, ServiceError } from '../../errors.ts';
import type { Caller, Vault } from '../../vault/vault.ts';
import { headerLines } from '../header-lines.ts';
import { type Identity, remoteAddress } from './identity.ts';
import { type RefusalRecorder, Refusals } from './refusals.ts';

/** The credentials of RFC 6750 §2.1; the name of a scheme has no case (RFC 9110 §11.1). */
const bearer = /^bearer +([^ ]+)$/i;

/**
 * Bearer tokens: `Authorization: Bearer <token>`. Nothing else says who is calling, so proxies do not matter. Whatever
 * is wrong with a token that was sent, the answer is the same; the reason stands in the record.
 */
export class BearerIdentity implements Identity {
  readonly #tokens: Pick<Vault, 'verifyToken'>;
  readonly #refusals: Refusals;

  constructor(tokens: Pick<Vault, 'verifyToken'>, metrics: Metrics, recorder: RefusalRecorder) {
    this.#tokens = tokens;
    this.#refusals = new Refusals('token', metrics, recorder);
  }

  authenticate(request: FastifyRequest): Caller | Promise<never> {
    const [header, another] = headerLines(request.raw, 'authorization');
    if (header === undefined) return this.#refusals.refuse(request, 'missing', missing());
    if (another !== undefined) return this.#refusals.refuse(request, 'malformed', sentTwice());
    const token = bearer.exec(header)?.[1];
    if (token === undefined) return this.#refusals.refuse(request, 'malformed', invalidToken());
    const remoteAddr = remoteAddress(request);
    const { refusal, holder } = this.#tokens.verifyToken(token, remoteAddr);
    if (refusal !== null) return this.#refusals.refuse(request, refusal, invalidToken(), holder);
    return {
      client: holder.client,
      identityMethod: 'token',
      credentialId: holder.id,
      credential: holder.credential,
      remoteAddr,
      requestId: request.id,
      traceId: request.span.traceId,
      span: request.span,
    };
  }
}

/** Without an error code, as RFC 6750 §3.1 has it for a request that holds no credentials at all. */
function missing(): ServiceError {
  return new ServiceError('unauthenticated', 'Say who you are: Authorization: Bearer <token>.', {
    headers: { 'www-authenticate': bearerChallenge },
  });
}

function sentTwice(): ServiceError {
  return new ServiceError('bad_request', 'Authorization was sent more than once.', {
    headers: { 'www-authenticate': `${bearerChallenge}, error="invalid_request"` },
  });
}
