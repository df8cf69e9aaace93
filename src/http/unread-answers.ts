import type { FastifyReply } from 'fastify';
import type { Metrics } from '../../telemetry/instruments.ts';
import { ServiceError } from '../errors.ts';
import type { RequestsUnderWay } from './under-way.ts';

/** What a row of a page takes in an answer at the most: a name, a key id, numbers, times and the punctuation. */
const bytesOfRow = 640;

export interface AnswerLimits {
  /** For all answers that are not sent yet, in bytes. */
  readonly answerBytes: number;
  /** For those of one connection. */
  readonly connectionAnswerBytes: number;
}

/**
 * Keeps the memory of answers that nobody reads within bounds. A connection gets no further answers while it has so many
 * bytes to read; when all together have too many, the connection with most of them is closed.
 */
export class UnreadAnswers {
  readonly #underWay: RequestsUnderWay;
  readonly #limits: AnswerLimits;
  readonly #metrics: Pick<Metrics, 'connectionDropped' | 'requestShed'>;

  constructor(
    underWay: RequestsUnderWay,
    limits: AnswerLimits,
    metrics: Pick<Metrics, 'connectionDropped' | 'requestShed'>,
  ) {
    this.#underWay = underWay;
    this.#limits = limits;
    this.#metrics = metrics;
  }

  /**
   * Sets room for a page aside before it is put together. One page is always let in.
   * @throws ServiceError overloaded
   */
  reserveRows(reply: FastifyReply, rows: number): void {
    const waiting = this.#underWay.bytesOn(reply.request.socket);
    const bytes = rows * bytesOfRow;
    if (waiting > 0 && waiting + bytes > this.#limits.connectionAnswerBytes) this.#refuse();
    this.#hold(reply, bytes);
  }

  /** @throws ServiceError overloaded while the connection has to read what it was sent */
  check(reply: FastifyReply): void {
    if (this.#underWay.bytesOn(reply.request.socket) >= this.#limits.connectionAnswerBytes) this.#refuse();
  }

  /** The answer is made. */
  made(reply: FastifyReply, payload: unknown): void {
    if (typeof payload === 'string') this.#hold(reply, payload.length);
  }

  #refuse(): never {
    this.#metrics.requestShed();
    const message = 'This connection has answers to read first.';
    throw new ServiceError('overloaded', message, { headers: { 'retry-after': '1' } });
  }

  #hold(reply: FastifyReply, bytes: number): void {
    this.#underWay.hold(reply, bytes);
    while (this.#underWay.bytes > this.#limits.answerBytes) {
      const socket = this.#underWay.largest();
      if (socket === undefined) return;
      this.#metrics.connectionDropped('unread');
      this.#underWay.forget(socket);
      socket.destroy();
    }
  }
}
