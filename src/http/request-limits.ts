import type { FastifyRequest } from 'fastify';
import type { Metrics } from '../../telemetry/instruments.ts';
import type { AuditEntry } from '../audit/record.ts';
import type { Limits, Rate } from '../config/limits.ts';
import { ServiceError } from '../errors.ts';
import { addressKey } from './address-key.ts';
import type { RefusalRecorder } from './authentication/refusals.ts';
import { RateLimit } from './rate-limit.ts';

/** Into how many parts the burst of an address is cut: one request takes no more than one of them. */
const shareOfAddress = 10;

/** Those that count requests. */
type Limit = Exclude<Parameters<Metrics['requestLimited']>[0], 'disk'>;

/** Charges requests with more than the one unit that each costs; docs/API.md, "Limits", has the prices. */
export interface Charges {
  /** Before the work. @throws ServiceError too_many_requests */
  spend(request: FastifyRequest, units: number): void;
  /** After the work, for what could not be known before; a negative number gives units back. */
  owe(request: FastifyRequest, units: number): void;
}

/**
 * Answers 429, before any audit work, callers who ask for more than they may. On unix sockets there is no address to count
 * by. Callers who cannot be established have buckets of their own, so theirs never delay somebody with a good credential.
 */
export class RequestLimits implements Charges {
  readonly #metrics: Pick<Metrics, 'requestLimited'>;
  readonly #limits: Readonly<Record<Limit, RateLimit | null>>;
  /** Units that one request takes from the bucket of its address: the debt of a client is its own. */
  readonly #mostForAddress: number;

  constructor(limits: Limits, metrics: Pick<Metrics, 'requestLimited'>, now = () => performance.now()) {
    const limitOf = (rate: Rate | null) => (rate === null ? null : new RateLimit(rate, now));
    this.#metrics = metrics;
    this.#mostForAddress = Math.max(1, (limits.address?.burst ?? 0) / shareOfAddress);
    this.#limits = {
      client: limitOf(limits.client),
      address: limitOf(limits.address),
      // Without a limit of their own, strangers of an address get as much as its clients do.
      authentication: limitOf(limits.failedAuthentication ?? limits.address),
    };
  }

  spend(request: FastifyRequest, units: number): void {
    const { client, remoteAddr } = request.caller;
    // The client first: one that is past its own limit takes nothing from the others of its address.
    this.#take('client', client, units);
    if (remoteAddr !== null && this.#limits.address !== null) {
      this.#take('address', addressKey(remoteAddr), Math.min(units, this.#mostForAddress));
    }
  }

  owe(request: FastifyRequest, units: number): void {
    const { client, remoteAddr } = request.caller;
    if (units === 0) return;
    if (remoteAddr !== null && this.#limits.address !== null) {
      this.#limits.address.owe(addressKey(remoteAddr), Math.min(units, this.#mostForAddress));
    }
    this.#limits.client?.owe(client, units);
  }

  /**
   * Wraps what records that a caller could not be established: after too many from one address no more are recorded.
   * Only who fails is held up, so nobody can lock out whoever shares the address.
   */
  guardRefusals(refusals: RefusalRecorder): RefusalRecorder {
    return {
      record: async (entry: AuditEntry) => {
        if (entry.remote_addr !== null) this.#take('authentication', addressKey(entry.remote_addr), 1);
        await refusals.record(entry);
      },
    };
  }

  #take(limit: Limit, key: string, units: number): void {
    const wait = this.#limits[limit]?.take(key, units) ?? 0;
    if (wait === 0) return;
    this.#metrics.requestLimited(limit);
    const headers = { 'retry-after': String(Math.ceil(wait / 1000)) };
    throw new ServiceError('too_many_requests', undefined, { headers });
  }
}
