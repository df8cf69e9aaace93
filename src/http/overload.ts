import type { Socket } from 'node:net';
import { ServiceError } from '../errors.ts';
import type { RequestsUnderWay } from './under-way.ts';

/** Of them all one connection may have this many under way: no pipeline takes the places of everybody else. */
const maxRequestsPerConnection = 32;
/** How late the event loop may run before more is refused, and how often that is looked at, in milliseconds. */
const maxDelay = 1000;
const sampleInterval = 100;

interface ShedCounter {
  requestShed(): void;
}

/** Refuses vault requests before any audit work while there is too much to do; probes and scrapes never ask it. */
export class OverloadGuard {
  readonly #metrics: ShedCounter;
  readonly #underWay: RequestsUnderWay;
  readonly #maxRequests: number;
  #sampler: NodeJS.Timeout | undefined;
  #delay = 0;

  /** @param maxRequests under way at once */
  constructor(metrics: ShedCounter, underWay: RequestsUnderWay, maxRequests: number) {
    this.#metrics = metrics;
    this.#underWay = underWay;
    this.#maxRequests = maxRequests;
  }

  /** Looks at the event loop from now on: what a start takes is no overload. */
  watch(): void {
    let expected = performance.now() + sampleInterval;
    let before = 0;
    this.#sampler = setInterval(() => {
      const delay = performance.now() - expected;
      // Of the last two the lesser: one stall, of the whole machine perhaps, is not too much to do.
      this.#delay = Math.min(before, delay);
      before = delay;
      expected = performance.now() + sampleInterval;
    }, sampleInterval).unref();
  }

  /** @throws ServiceError overloaded, when there is no place for one request more */
  check(socket: Socket): void {
    const hasRoom =
      this.#underWay.count < this.#maxRequests && this.#underWay.countOn(socket) < maxRequestsPerConnection;
    if (hasRoom && this.#delay <= maxDelay) return;
    this.#metrics.requestShed();
    throw new ServiceError('overloaded', undefined, { headers: { 'retry-after': '1' } });
  }

  stop(): void {
    clearInterval(this.#sampler);
  }
}
