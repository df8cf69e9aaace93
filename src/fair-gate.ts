import { FairQueue } from './fair-queue.ts';

/** Lets so much work run at a time; owners take turns at what is free. */
export class FairGate {
  readonly #queue = new FairQueue<() => void>();
  #free: number;

  constructor(places: number) {
    this.#free = places;
  }

  async run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>(resolve => this.#queue.add(owner, resolve));
    try {
      return await work();
    } finally {
      const next = this.#queue.take();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
