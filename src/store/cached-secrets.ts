import { ByteLimitedCache } from './byte-limited-cache.ts';
import type { WriterRequest } from './messages.ts';
import type { Reader } from './reader.ts';
import type { StoredSecret } from './store.ts';

const mostSecrets = 10_000;
/** What the objects of a secret take beside its value and its metadata, in bytes. */
const bytesOfObjects = 2048;

/**
 * Secrets by name, from memory while they are unchanged. A commit of our writer drops the names in it. Nobody else may
 * commit: what another process writes is an alarm, and no reason to give up rows that are known to be good.
 */
export class CachedSecrets {
  readonly #reader: Reader;
  readonly #cache: ByteLimitedCache<StoredSecret>;

  /** @param mostBytes that all cached secrets may take */
  constructor(reader: Reader, mostBytes: number) {
    this.#cache = new ByteLimitedCache(mostSecrets, mostBytes, bytesOf);
    this.#reader = reader;
  }

  get(name: string): StoredSecret | null {
    const known = this.#cache.get(name);
    if (known !== undefined) return known;
    const secret = this.#reader.secret(name);
    if (secret !== null) this.#cache.set(name, secret);
    return secret;
  }

  /** To be told of every batch, before its callers are. */
  batchDone(requests: readonly WriterRequest[]): void {
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
