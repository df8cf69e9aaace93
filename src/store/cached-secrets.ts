import { ByteLimitedCache } from './byte-limited-cache.ts';
import { type BatchReport, isWrite, type WriterRequest } from './messages.ts';
import type { Reader } from './reader.ts';
import type { StoredSecret } from './store.ts';
import type { WriterClient } from './writer-client.ts';

const mostSecrets = 10_000;
/** What the objects of a secret take beside its value and its metadata, in bytes. */
const bytesOfObjects = 2048;

/**
 * Secrets by name, from memory while they are unchanged. A commit of our writer drops the names in it; a change by
 * any other connection drops all.
 *
 * `PRAGMA data_version` tells the reader that somebody changed the database, not who. Where the writer may have been
 * the one, its next report settles the question: its own data version moves with others' changes only.
 */
export class CachedSecrets {
  readonly #reader: Reader;
  readonly #writer: WriterClient;
  readonly #cache: ByteLimitedCache<StoredSecret>;
  #readerVersion: number;
  #writerVersion: number;
  #checkedThisTurn = false;
  #committedSinceCheck = false;

  /** @param mostBytes that all cached secrets may take */
  constructor(reader: Reader, writer: WriterClient, writerVersion: number, mostBytes: number) {
    this.#cache = new ByteLimitedCache(mostSecrets, mostBytes, bytesOf);
    this.#reader = reader;
    this.#writer = writer;
    this.#readerVersion = reader.dataVersion();
    this.#writerVersion = writerVersion;
  }

  get(name: string): StoredSecret | null {
    this.#check();
    const known = this.#cache.get(name);
    if (known !== undefined) return known;
    const secret = this.#reader.secret(name);
    if (secret !== null) this.#cache.set(name, secret);
    return secret;
  }

  /** To be told of every batch, before its callers are. */
  batchDone(report: BatchReport, requests: readonly WriterRequest[]): void {
    if (report.seconds !== null) this.#committedSinceCheck = true;
    this.#drop(requests);
    if (report.dataVersion === this.#writerVersion) return;
    this.#writerVersion = report.dataVersion;
    this.#cache.clear();
  }

  /** Once per turn of the event loop, for it costs as much as half a read. */
  #check(): void {
    if (this.#checkedThisTurn) return;
    this.#checkedThisTurn = true;
    setImmediate(() => {
      this.#checkedThisTurn = false;
    });
    const version = this.#reader.dataVersion();
    if (version === this.#readerVersion) return;
    this.#readerVersion = version;
    this.#changed();
  }

  #changed(): void {
    const underWay = this.#writer.underWay;
    const perhapsWriter = this.#committedSinceCheck || underWay.some(isWrite);
    this.#committedSinceCheck = false;
    if (!perhapsWriter) {
      this.#cache.clear();
      return;
    }
    // Committed already, it may be, but not yet reported.
    this.#drop(underWay);
    this.#writer.look();
  }

  #drop(requests: readonly WriterRequest[]): void {
    for (const request of requests) {
      if (request.kind !== 'commit') continue;
      for (const change of request.changes) this.#cache.delete(change.name);
    }
  }
}

function bytesOf({ head, active }: StoredSecret): number {
  let bytes = bytesOfObjects + (active?.sealed?.length ?? 0);
  for (const [key, text] of Object.entries(head.metadata)) bytes += 2 * (key.length + text.length);
  return bytes;
}
