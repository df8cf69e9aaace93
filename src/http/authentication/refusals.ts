import type { FastifyRequest } from 'fastify';
import type { Metrics } from '../../../telemetry/instruments.ts';
import { type AuditEntry, auditEntry } from '../../audit/record.ts';
import type { ServiceError } from '../../errors.ts';
import type { Caller } from '../../vault/vault.ts';
import { remoteAddress } from './identity.ts';

export type Reason = Parameters<Metrics['authenticationFailed']>[0];

/** Records a refusal of somebody unknown; resolves when it is safe to answer. */
export interface RefusalRecorder {
  record(entry: AuditEntry): Promise<void>;
}

/** Turns away whoever an identity cannot tell: counted, recorded, and then answered. */
export class Refusals {
  readonly #method: Caller['identityMethod'];
  readonly #metrics: Metrics;
  readonly #recorder: RefusalRecorder;

  constructor(method: Caller['identityMethod'], metrics: Metrics, recorder: RefusalRecorder) {
    this.#method = method;
    this.#metrics = metrics;
    this.#recorder = recorder;
  }

  /**
   * @param known whose credential it was, where that is known: for the record only
   * @throws ServiceError `error`
   */
  async refuse(
    request: FastifyRequest,
    reason: Reason,
    error: ServiceError,
    known: { readonly id: string; readonly client: string | null } | null = null,
  ): Promise<never> {
    this.#metrics.authenticationFailed(reason);
    await this.#recorder.record(
      auditEntry({
        event: 'unauthenticated',
        client: known?.client ?? null,
        identity_method: this.#method,
        credential_id: known?.id ?? null,
        remote_addr: remoteAddress(request),
        decision: 'deny',
        outcome: reason,
        request_id: request.id,
        trace_id: request.span.traceId,
      }),
    );
    throw error;
  }
}
