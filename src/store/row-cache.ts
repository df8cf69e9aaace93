import type { StoredSecret } from './store.ts';

/** The secrets read last, as stored (sealed); the longest unread goes first. */
export class RowCache {
  readonly #capacity: number;
  readonly #secrets = new Map<string, StoredSecret>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(name: string): StoredSecret | undefined {
    const secret = this.#secrets.get(name);
    if (secret !== undefined) {
      // A Map keeps the order of insertion: to the end, as the most recent.
      this.#secrets.delete(name);
      this.#secrets.set(name, secret);
    }
    return secret;
  }

  add(secret: StoredSecret): void {
    this.#secrets.set(secret.head.name, secret);
    if (this.#secrets.size <= this.#capacity) return;
    const [oldest] = this.#secrets.keys();
    if (oldest !== undefined) this.#secrets.delete(oldest);
  }

  drop(name: string): void {
    this.#secrets.delete(name);
  }

  clear(): void {
    this.#secrets.clear();
  }
}
