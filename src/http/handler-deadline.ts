import { ServiceError } from '../errors.ts';
import type { RequestsUnderWay } from './under-way.ts';

/** How long a handler may take (DESIGN §4), and how often that is looked at, in milliseconds. */
export const handlerDeadline = 15_000;
const interval = 500;

/**
 * Answers in place of a handler that hangs, on a disk that does not answer, say. One timer looks at all requests: Fastify's
 * `handlerTimeout` makes a timer and an abort signal for each, and an exception at its end.
 */
export class HandlerDeadline {
  readonly #underWay: RequestsUnderWay;
  readonly #deadline: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(underWay: RequestsUnderWay, milliseconds: number = handlerDeadline) {
    this.#underWay = underWay;
    this.#deadline = milliseconds;
  }

  watch(): void {
    this.#timer = setInterval(
      () => {
        for (const reply of this.#underWay.waitingFor(this.#deadline)) {
          void reply.send(
            new ServiceError('unavailable', 'The request took too long; it may still be carried out.'),
          );
        }
      },
      Math.min(interval, this.#deadline),
    ).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
