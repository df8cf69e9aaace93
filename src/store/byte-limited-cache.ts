import { LruMap } from 'toad-cache';

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/** The values used last, up to so many and so many bytes. */
export class ByteLimitedCache<Value> {
  readonly #entries: LruMap<Entry<Value>>;
  readonly #mostBytes: number;
  readonly #sizeOf: (value: Value) => number;
  #bytes = 0;

  constructor(mostEntries: number, mostBytes: number, sizeOf: (value: Value) => number) {
    // One more than are kept: the map must never drop an entry by itself, whose bytes would stay counted.
    this.#entries = new LruMap(mostEntries + 1);
    this.#mostBytes = mostBytes;
    this.#sizeOf = sizeOf;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: string, value: Value): void {
    this.delete(key);
    const bytes = this.#sizeOf(value);
    if (bytes > this.#mostBytes) return;
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    while (this.#bytes > this.#mostBytes || this.#entries.size >= this.#entries.max) this.#dropOldest();
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #dropOldest(): void {
    const oldest: unknown = this.#entries.first?.key;
    if (typeof oldest === 'string') this.delete(oldest);
  }
}
