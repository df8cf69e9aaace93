import type { Metrics } from '../../telemetry/instruments.ts';
import { ServiceError } from '../errors.ts';

/** How short of space the disk is: 1 is below the reserve, 2 below a quarter of it. */
export type DiskShortage = 0 | 1 | 2;

export interface DiskReserve {
  /** Free bytes of the disk that has the fewest; null while that is not known. */
  readonly freeBytes: () => number | null;
  /** Below so many free bytes clients beyond their share are refused; 0 is never. */
  readonly bytes: number;
}

/** What a client wrote counts half after this long, in milliseconds. */
const halfLifeMs = 60_000;
/** What every client may write, however little the others do, in bytes. */
const leastShare = 65_536;
/** Clients that wrote less than this lately do not count among those that share the disk. */
const leastUse = 1024;
/** Past so many clients the one that wrote least is forgotten. */
const mostClients = 1000;

interface Use {
  bytes: number;
  at: number;
}

/**
 * Refuses the noisiest first while the disk is nearly full. The share of a client is the mean of what all wrote lately: who is
 * beyond it is refused denials and changes, and in the end reads too, so that the others can go on.
 */
export class DiskShares {
  readonly #reserve: DiskReserve;
  readonly #metrics: Pick<Metrics, 'requestLimited'>;
  readonly #now: () => number;
  readonly #uses = new Map<string, Use>();

  constructor(
    reserve: DiskReserve,
    metrics: Pick<Metrics, 'requestLimited'>,
    now: () => number = () => performance.now(),
  ) {
    this.#reserve = reserve;
    this.#metrics = metrics;
    this.#now = now;
  }

  get shortage(): DiskShortage {
    const free = this.#reserve.freeBytes();
    if (free === null || free >= this.#reserve.bytes) return 0;
    return free >= this.#reserve.bytes / 4 ? 1 : 2;
  }

  /** Notes what a client had written, in bytes. */
  note(client: string, bytes: number): void {
    const now = this.#now();
    const use = this.#uses.get(client);
    if (use !== undefined) {
      // In place: a map that each request changes would be rebuilt again and again.
      use.bytes = left(use, now) + bytes;
      use.at = now;
      return;
    }
    this.#uses.set(client, { bytes, at: now });
    if (this.#uses.size > mostClients) this.#forgetQuietest(now);
  }

  /**
   * @param least how short of space the disk has to be for this kind of request to be refused
   * @throws ServiceError too_many_requests for a client beyond its share
   */
  admit(client: string, least: 1 | 2): void {
    if (this.shortage < least) return;
    const now = this.#now();
    const used = left(this.#uses.get(client) ?? { bytes: 0, at: now }, now);
    const share = this.#shareAt(now);
    if (used <= share) return;
    this.#metrics.requestLimited('disk');
    const seconds = Math.ceil((halfLifeMs / 1000) * Math.log2(used / share));
    throw new ServiceError(
      'too_many_requests',
      'The disk is nearly full, and this client has written more than its share of late; wait as long as Retry-After says.',
      { headers: { 'retry-after': String(Math.max(1, seconds)) } },
    );
  }

  #forgetQuietest(now: number): void {
    const [quietest] = [...this.#uses].sort(([, a], [, b]) => left(a, now) - left(b, now));
    if (quietest !== undefined) this.#uses.delete(quietest[0]);
  }

  #shareAt(now: number): number {
    const uses = [...this.#uses.values()].map(use => left(use, now)).filter(bytes => bytes >= leastUse);
    const sum = uses.reduce((total, bytes) => total + bytes, 0);
    return Math.max(leastShare, sum / Math.max(1, uses.length));
  }
}

function left({ bytes, at }: Use, now: number): number {
  return bytes * 0.5 ** ((now - at) / halfLifeMs);
}
