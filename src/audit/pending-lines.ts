import { type ChainPosition, encodeRecord } from './chain.ts';
import type { AuditEntry } from './record.ts';

/** The newest end of the chain: numbers and hashes records at once, and holds their lines until they are written. */
export class PendingLines {
  readonly #clock: () => number;
  #tip: ChainPosition;
  #text = '';
  #time: string | null = null;

  /** `clock` gives milliseconds since the epoch. */
  constructor(tip: ChainPosition, clock: () => number) {
    this.#tip = tip;
    this.#clock = clock;
  }

  get tip(): ChainPosition {
    return this.#tip;
  }

  /** In UTF-16 units, which for these lines is close to bytes. */
  get length(): number {
    return this.#text.length;
  }

  add(entry: AuditEntry): ChainPosition {
    this.#text += this.link(entry);
    return this.#tip;
  }

  /** Moves the chain on without keeping the line, which the caller writes elsewhere. */
  link(entry: AuditEntry): string {
    const { position, line } = encodeRecord(this.#tip, this.#timestamp(), entry);
    this.#tip = position;
    return line;
  }

  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  /** Forgets everything after `position`. */
  rewind(position: ChainPosition): void {
    this.#tip = position;
    this.#text = '';
  }

  /** Records of one turn of the event loop share their time, because a timestamp costs as much as a hash. */
  #timestamp(): string {
    if (this.#time !== null) return this.#time;
    setImmediate(() => {
      this.#time = null;
    });
    this.#time = new Date(this.#clock()).toISOString();
    return this.#time;
  }
}
