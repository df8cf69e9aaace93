import type { UnfinishedIntent } from './intents.ts';
import type { Flush } from './record.ts';

/** Records that one fsync makes durable, and the promise that all who wait for it share. */
export class Batch {
  /** Audit events; structural records are not counted. */
  records = 0;
  /** True when somebody waits for the fsync; otherwise the next checkpoint brings it. */
  urgent = false;
  /** True when the vault is to note the end of this batch. */
  noted = false;
  /** Intents and outcomes, in order. */
  readonly changes: UnfinishedIntent[] = [];
  readonly synced: PromiseWithResolvers<Flush> = quietly(Promise.withResolvers());
}

/** A rejection that nobody waits for must not end the process. */
export function quietly<T>(settled: PromiseWithResolvers<T>): PromiseWithResolvers<T> {
  settled.promise.catch(() => undefined);
  return settled;
}
