import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ServiceError } from '../errors.ts';

/** Of them all one connection may have this many under way: no pipeline takes the places of everybody else. */
const maxInFlightPerConnection = 32;
/** How late the event loop may run before more is refused, and how often that is looked at, in milliseconds. */
const maxDelay = 1000;
const sampleInterval = 100;

interface ShedCounter {
  requestShed(): void;
}

/** Refuses vault requests before any audit work while there is too much to do; probes and scrapes never ask it. */
export class OverloadGuard {
  readonly #metrics: ShedCounter;
  readonly #maxInFlight: number;
  #sampler: NodeJS.Timeout | undefined;
  readonly #connections = new WeakMap<Socket, Set<ServerResponse>>();
  #inFlight = 0;
  #delay = 0;

  /** @param maxInFlight vault requests under way at once */
  constructor(metrics: ShedCounter, maxInFlight: number) {
    this.#metrics = metrics;
    this.#maxInFlight = maxInFlight;
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
  check({ socket }: IncomingMessage): void {
    const ofConnection = this.#connections.get(socket)?.size ?? 0;
    if (
      this.#inFlight < this.#maxInFlight &&
      ofConnection < maxInFlightPerConnection &&
      this.#delay <= maxDelay
    )
      return;
    this.#metrics.requestShed();
    throw new ServiceError('overloaded', undefined, { headers: { 'retry-after': '1' } });
  }

  /**
   * Counts a request in until its answer is sent or its connection ends. For requests whose body has arrived, so that
   * nobody holds a place by sending slowly.
   * @throws ServiceError overloaded
   */
  admit(request: IncomingMessage, response: ServerResponse): void {
    this.check(request);
    const inFlight = this.#inFlightOn(request.socket);
    inFlight.add(response);
    this.#inFlight++;
    response.once('close', () => {
      if (inFlight.delete(response)) this.#inFlight--;
    });
  }

  stop(): void {
    clearInterval(this.#sampler);
  }

  /** When a connection breaks off, answers that wait behind another in a pipeline have no `close`; the socket has. */
  #inFlightOn(socket: Socket): Set<ServerResponse> {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const inFlight = new Set<ServerResponse>();
    this.#connections.set(socket, inFlight);
    socket.once('close', () => {
      this.#inFlight -= inFlight.size;
      inFlight.clear();
    });
    return inFlight;
  }
}
