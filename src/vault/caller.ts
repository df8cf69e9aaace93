import { noSpan, type Span } from '../../telemetry/tracing.ts';

/** Why a credential proves nothing any more; `altered`: the vault's row of it is not the one that the service wrote last. */
export type Lapse = 'expired' | 'revoked' | 'altered';

/**
 * What a caller proved its name with. Every operation asks it again when it authorises, and a change once more before
 * it is announced: it may have ended while the request waited.
 */
export interface Credential {
  /** Why it proves nothing any more; null while it does. */
  lapse(): Lapse | null;
  /** `policy`: what the policy lets the client do. `tokens`: managing tokens, and nothing else. */
  readonly grants: 'policy' | 'tokens';
}

/** Who asks, as the audit log will name them. */
export interface Caller {
  readonly client: string;
  readonly identityMethod: 'header' | 'token' | 'certificate' | 'system';
  readonly credentialId: string | null;
  readonly credential: Credential;
  readonly remoteAddr: string | null;
  readonly requestId: string | null;
  readonly traceId: string | null;
  /** The span of what they asked for. */
  readonly span: Span;
}

/** What was proved with the request itself, and does not end while it is answered. */
export const lastingCredential: Credential = { lapse: () => null, grants: 'policy' };

/** The service itself, acting for nobody. */
export function systemCaller(client: string, span: Span = noSpan): Caller {
  return {
    client,
    identityMethod: 'system',
    credentialId: null,
    credential: lastingCredential,
    remoteAddr: null,
    requestId: null,
    traceId: span.traceId,
    span,
  };
}

/** When the scheduler acts on a secret's own rotation rule. */
export function schedulerCaller(span: Span): Caller {
  return systemCaller('scheduler', span);
}
