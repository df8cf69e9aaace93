import { LruMap } from 'toad-cache';
import type { Rate } from '../config/limits.ts';

/** Past this many keys the one that was quiet longest is forgotten, and begins with a full bucket again. */
const mostKeys = 10_000;

/** A thousandth of a millisecond: what sums of fractions may be off by. */
const rounding = 0.001;

/**
 * A token bucket for each key, kept as the one number that the generic cell rate algorithm (ITU-T I.371) needs: when
 * the bucket will be full again. A request costs O(1), a key one entry, and no key a timer.
 */
export class RateLimit {
  readonly #now: () => number;
  /** Milliseconds in which one token comes back, and in which all do. */
  readonly #interval: number;
  readonly #refill: number;
  readonly #fullAt = new LruMap<number>(mostKeys);

  /** @param now milliseconds that never go back */
  constructor({ perSecond, burst }: Rate, now: () => number) {
    this.#now = now;
    this.#interval = 1000 / perSecond;
    this.#refill = this.#interval * burst;
  }

  /** Takes a token from the key's bucket. @returns 0, or the milliseconds until there is one */
  take(key: string): number {
    const now = this.#now();
    const fullAt = Math.max(this.#fullAt.get(key) ?? now, now);
    const wait = fullAt + this.#interval - now - this.#refill;
    const refused = wait > rounding;
    this.#fullAt.set(key, refused ? fullAt : fullAt + this.#interval);
    return refused ? wait : 0;
  }
}
