/** Waiting items by owner. Owners take turns, so the wait of one does not grow with the items of another. */
export class FairQueue<Item> {
  /** The owner whose turn is next comes first. */
  readonly #lanes = new Map<string, Item[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many items of the owner wait. */
  sizeOf(owner: string): number {
    return this.#lanes.get(owner)?.length ?? 0;
  }

  add(owner: string, item: Item): void {
    const lane = this.#lanes.get(owner);
    if (lane === undefined) this.#lanes.set(owner, [item]);
    else lane.push(item);
    this.#size += 1;
  }

  /** The next item; its owner goes to the end of the line. */
  take(): Item | undefined {
    for (const [owner, lane] of this.#lanes) {
      const item = lane.shift();
      this.#lanes.delete(owner);
      if (lane.length > 0) this.#lanes.set(owner, lane);
      this.#size -= 1;
      return item;
    }
    return undefined;
  }

  /** Takes an item out before its turn. Returns whether it was there. */
  remove(owner: string, item: Item): boolean {
    const lane = this.#lanes.get(owner);
    const place = lane?.indexOf(item) ?? -1;
    if (lane === undefined || place === -1) return false;
    lane.splice(place, 1);
    if (lane.length === 0) this.#lanes.delete(owner);
    this.#size -= 1;
    return true;
  }
}
