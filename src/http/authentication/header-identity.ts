import type { FastifyRequest } from 'fastify';
import type { Metrics } from '../../../telemetry/instruments.ts';
import { ServiceError } from '../../errors.ts';
import { isClientName } from '../../policy/policy.ts';
import { lastingCredential } from '../../vault/caller.ts';
import type { Caller } from '../../vault/vault.ts';
import { headerLines } from '../header-lines.ts';
import { type Identity, remoteAddress } from './identity.ts';
import { type RefusalRecorder, Refusals } from './refusals.ts';

/** Headers that proxies, load balancers and delivery networks add, and no direct caller. */
const proxyHeaders: ReadonlySet<string> = new Set([
  'client-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'forwarded',
  'forwarded-for',
  'proxy-connection',
  'true-client-ip',
  'via',
  'x-appengine-user-ip',
  'x-azure-clientip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-forwarded',
  'x-host',
  'x-real-ip',
  'x-remote-addr',
  'x-remote-ip',
]);
const proxyPrefixes = ['cf-', 'x-envoy-', 'x-forwarded-', 'x-original-', 'x-real-'];

/** Behind a proxy everybody's address is the proxy's, so the header proves nothing. */
function isProxyHeader(name: string): boolean {
  return proxyHeaders.has(name) || proxyPrefixes.some(prefix => name.startsWith(prefix));
}

/** Header identity: who X-Jarvis-Client says. For one host only; the start refuses it on other addresses. */
export class HeaderIdentity implements Identity {
  readonly #refusals: Refusals;

  constructor(metrics: Metrics, recorder: RefusalRecorder) {
    this.#refusals = new Refusals('header', metrics, recorder);
  }

  authenticate(request: FastifyRequest): Caller | Promise<never> {
    if (Object.keys(request.headers).some(isProxyHeader)) {
      const message =
        'Header identity is for direct callers on this host; this request came through a proxy.';
      return this.#refusals.refuse(request, 'proxied', new ServiceError('unauthenticated', message));
    }
    const [client, another] = headerLines(request.raw, 'x-jarvis-client');
    if (client === undefined || client === '') {
      const message = 'Say who you are: X-Jarvis-Client: <client>.';
      return this.#refusals.refuse(request, 'missing', new ServiceError('unauthenticated', message));
    }
    if (another !== undefined) {
      const message = 'X-Jarvis-Client was sent more than once.';
      return this.#refusals.refuse(request, 'malformed', new ServiceError('bad_request', message));
    }
    if (!isClientName(client)) {
      const message = 'X-Jarvis-Client holds no valid client name.';
      return this.#refusals.refuse(request, 'malformed', new ServiceError('unauthenticated', message));
    }
    return {
      client,
      identityMethod: 'header',
      credentialId: null,
      credential: lastingCredential,
      remoteAddr: remoteAddress(request),
      requestId: request.id,
      traceId: request.span.traceId,
      span: request.span,
    };
  }
}
