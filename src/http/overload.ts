import type { FastifyReply } from 'fastify';
import { ServiceError } from '../errors.ts';

/** Vault requests under way at once, and how late the event loop may run, in milliseconds, before more are refused. */
const maxInFlight = 1000;
const maxDelay = 1000;
const sampleInterval = 100;

interface ShedCounter {
  requestShed(): void;
}

/** Refuses vault requests before any audit work while there is too much to do; probes and scrapes never ask it. */
export class OverloadGuard {
  readonly #metrics: ShedCounter;
  readonly #sampler: NodeJS.Timeout;
  #inFlight = 0;
  #delay = 0;

  constructor(metrics: ShedCounter) {
    this.#metrics = metrics;
    let expected = performance.now() + sampleInterval;
    this.#sampler = setInterval(() => {
      this.#delay = performance.now() - expected;
      expected = performance.now() + sampleInterval;
    }, sampleInterval).unref();
  }

  /**
   * Counts the request in until its answer is sent or its connection ends.
   * @throws ServiceError overloaded
   */
  admit(reply: FastifyReply): void {
    if (this.#inFlight >= maxInFlight || this.#delay > maxDelay) {
      this.#metrics.requestShed();
      throw new ServiceError('overloaded', undefined, { headers: { 'retry-after': '1' } });
    }
    this.#inFlight++;
    reply.raw.once('close', () => {
      this.#inFlight--;
    });
  }

  stop(): void {
    clearInterval(this.#sampler);
  }
}
