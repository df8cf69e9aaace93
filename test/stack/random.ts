/** Numbers that look random and follow from the seed alone, so that a failure can be had again. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to below `end`. Mulberry32, by Tommy Ettinger (public domain). */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0];
  }
}

/** JARVIS_FUZZ_SEED, or one of the clock's. */
export function chosenSeed(environment: Readonly<Record<string, string | undefined>>): number {
  const { JARVIS_FUZZ_SEED: chosen } = environment;
  return chosen === undefined ? Date.now() % 2 ** 31 : Number(chosen);
}
