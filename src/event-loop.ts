import { setImmediate } from 'node:timers/promises';

/** Milliseconds that one operation may hold the event loop before others get their turn. */
const longestTurnMs = 2;

/** The turn of one long operation: it works in slices, and everybody else runs between them. */
export class Turn {
  #endsAt = performance.now() + longestTurnMs;

  /** Undefined while time is left; otherwise a promise that resolves in a later turn of the event loop. */
  pause(): Promise<void> | undefined {
    return performance.now() < this.#endsAt ? undefined : this.#yield();
  }

  async #yield(): Promise<void> {
    await setImmediate();
    this.#endsAt = performance.now() + longestTurnMs;
  }
}
