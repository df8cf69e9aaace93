import type { FastifyRequest } from 'fastify';
import type { Metrics } from '../../telemetry/instruments.ts';
import { type AuditEntry, auditEntry } from '../audit/record.ts';
import { ServiceError } from '../errors.ts';
import { isClientName } from '../policy/policy.ts';
import type { Caller } from '../vault/vault.ts';

type Reason = Parameters<Metrics['authenticationFailed']>[0];

/** Records a refusal of somebody unknown; resolves when it is safe to answer. */
export interface RefusalRecorder {
  record(entry: AuditEntry): Promise<void>;
}

/** Headers that a proxy adds. Behind a proxy everybody's address is the proxy's, so the header proves nothing. */
const proxyHeader = /^(?:forwarded|via|x-forwarded-.*)$/;

/**
 * Header identity: who X-Jarvis-Client says. For one host only; the start refuses it on other addresses.
 * Bearer tokens (security.identity = "token") will be a second function of this shape.
 */
export class HeaderIdentity {
  readonly #metrics: Metrics;
  readonly #refusals: RefusalRecorder;

  constructor(metrics: Metrics, refusals: RefusalRecorder) {
    this.#metrics = metrics;
    this.#refusals = refusals;
  }

  /** @throws ServiceError unauthenticated or bad_request, counted and recorded */
  async authenticate(request: FastifyRequest): Promise<Caller> {
    const headers = request.raw.headersDistinct;
    if (Object.keys(headers).some(name => proxyHeader.test(name))) {
      return await this.#refuse(
        request,
        'proxied',
        'unauthenticated',
        'Header identity is for direct callers on this host; this request came through a proxy.',
      );
    }
    const clients = headers['x-jarvis-client'];
    const client = clients?.[0];
    if (clients === undefined || client === undefined || client === '') {
      return await this.#refuse(
        request,
        'missing',
        'unauthenticated',
        'Say who you are: X-Jarvis-Client: <client>.',
      );
    }
    if (clients.length > 1) {
      return await this.#refuse(
        request,
        'malformed',
        'bad_request',
        'X-Jarvis-Client was sent more than once.',
      );
    }
    if (!isClientName(client)) {
      return await this.#refuse(
        request,
        'malformed',
        'unauthenticated',
        'X-Jarvis-Client holds no valid client name.',
      );
    }
    return {
      client,
      identityMethod: 'header',
      credentialId: null,
      remoteAddr: remoteAddress(request),
      requestId: request.id,
      traceId: null,
    };
  }

  async #refuse(
    request: FastifyRequest,
    reason: Reason,
    code: 'unauthenticated' | 'bad_request',
    message: string,
  ): Promise<never> {
    this.#metrics.authenticationFailed(reason);
    await this.#refusals.record(refusal(request, reason));
    throw new ServiceError(code, message);
  }
}

/** Null on a unix socket. */
function remoteAddress(request: FastifyRequest): string | null {
  return request.socket.remoteAddress ?? null;
}

function refusal(request: FastifyRequest, reason: Reason): AuditEntry {
  return auditEntry({
    event: 'unauthenticated',
    identity_method: 'header',
    remote_addr: remoteAddress(request),
    decision: 'deny',
    outcome: reason,
    request_id: request.id,
  });
}
