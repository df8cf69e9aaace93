import type { Metrics } from '../../telemetry/instruments.ts';
import type { AuditEntry } from '../audit/record.ts';
import type { Limits, Rate } from '../config/limits.ts';
import { ServiceError } from '../errors.ts';
import { addressKey } from './address-key.ts';
import type { RefusalRecorder } from './authentication/refusals.ts';
import { RateLimit } from './rate-limit.ts';

type Limit = Parameters<Metrics['requestLimited']>[0];

/** Answers 429, before any audit work, what comes faster than it may. On unix sockets there is no address to count by. */
export class RequestLimits {
  readonly #metrics: Pick<Metrics, 'requestLimited'>;
  readonly #limits: Readonly<Record<Limit, RateLimit | null>>;

  constructor(limits: Limits, metrics: Pick<Metrics, 'requestLimited'>, now = () => performance.now()) {
    const limitOf = (rate: Rate | null) => (rate === null ? null : new RateLimit(rate, now));
    this.#metrics = metrics;
    this.#limits = {
      client: limitOf(limits.client),
      address: limitOf(limits.address),
      authentication: limitOf(limits.failedAuthentication),
    };
  }

  /** @throws ServiceError too_many_requests */
  countClient(client: string): void {
    this.#count('client', client);
  }

  /** @throws ServiceError too_many_requests */
  countAddress(address: string | null): void {
    if (address !== null && this.#limits.address !== null) this.#count('address', addressKey(address));
  }

  /**
   * Wraps what records that a caller could not be established: after too many from one address no more are recorded.
   * Only who fails is held up, so nobody can lock out whoever shares the address.
   */
  guardRefusals(refusals: RefusalRecorder): RefusalRecorder {
    return {
      record: async (entry: AuditEntry) => {
        if (entry.remote_addr !== null) this.#count('authentication', addressKey(entry.remote_addr));
        await refusals.record(entry);
      },
    };
  }

  #count(limit: Limit, key: string): void {
    const wait = this.#limits[limit]?.take(key) ?? 0;
    if (wait === 0) return;
    this.#metrics.requestLimited(limit);
    const headers = { 'retry-after': String(Math.ceil(wait / 1000)) };
    throw new ServiceError('too_many_requests', undefined, { headers });
  }
}
