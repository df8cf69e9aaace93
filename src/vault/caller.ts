/** Who asks, as the audit log will name them. */
export interface Caller {
  readonly client: string;
  readonly identityMethod: 'header' | 'system';
  readonly credentialId: string | null;
  readonly remoteAddr: string | null;
  readonly requestId: string | null;
  readonly traceId: string | null;
}

/** The service itself, when the scheduler acts on a secret's own rotation rule. */
export const schedulerCaller: Caller = {
  client: 'scheduler',
  identityMethod: 'system',
  credentialId: null,
  remoteAddr: null,
  requestId: null,
  traceId: null,
};
