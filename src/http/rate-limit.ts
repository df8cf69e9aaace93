import { LruMap } from 'toad-cache';
import type { Rate } from '../config/limits.ts';

/** Past this many keys the one that was quiet longest is forgotten, and begins with a full bucket again. */
const mostKeys = 10_000;

/** A thousandth of a millisecond: what sums of fractions may be off by. */
const rounding = 0.001;

/**
 * A token bucket for each key, kept as the one number that the generic cell rate algorithm (ITU-T I.371) needs: when
 * the bucket will be full again. A request takes O(1), a key one entry, and no key a timer.
 *
 * A request that costs more than half of the burst is let in by a bucket that is half full, and may leave it in debt.
 */
export class RateLimit {
  readonly #now: () => number;
  /** Milliseconds in which one token comes back, and in which all do. */
  readonly #interval: number;
  readonly #refill: number;
  /** Tokens that let in a request of any cost. */
  readonly #enough: number;
  readonly #fullAt = new LruMap<number>(mostKeys);

  /** @param now milliseconds that never go back */
  constructor({ perSecond, burst }: Rate, now: () => number) {
    this.#now = now;
    this.#interval = 1000 / perSecond;
    this.#refill = this.#interval * burst;
    this.#enough = Math.max(1, burst / 2);
  }

  /** Takes tokens from the key's bucket. @returns 0, or the milliseconds until it holds enough */
  take(key: string, tokens = 1): number {
    const now = this.#now();
    const fullAt = this.#fullAtFrom(key, now);
    const wait = fullAt + this.#interval * Math.min(tokens, this.#enough) - now - this.#refill;
    const refused = wait > rounding;
    this.#fullAt.set(key, refused ? fullAt : fullAt + this.#interval * tokens);
    return refused ? wait : 0;
  }

  /** Takes tokens for work that is done already, whether or not the bucket holds them; fewer than none gives some back. */
  owe(key: string, tokens: number): void {
    const now = this.#now();
    this.#fullAt.set(key, Math.max(this.#fullAtFrom(key, now) + this.#interval * tokens, now));
  }

  #fullAtFrom(key: string, now: number): number {
    return Math.max(this.#fullAt.get(key) ?? now, now);
  }
}
