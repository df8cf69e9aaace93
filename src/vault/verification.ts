import type { KeyObject } from 'node:crypto';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { SealComparison } from '../store/inspection.ts';
import type { CheckKeys } from './row-check.ts';
import type { VaultFindings } from './vault-check.ts';

/** What the thread gets; it survives a structured clone. */
export interface VerificationRequest extends Omit<CheckKeys, 'dataKey'> {
  readonly path: string;
  readonly dataKeys: ReadonlyMap<string, KeyObject>;
}

export type VerificationMessage =
  | { readonly kind: 'compared'; readonly comparison: SealComparison }
  | { readonly kind: 'checked'; readonly findings: VaultFindings };

/** Looks at the whole vault on a thread of its own. */
export class Verification {
  readonly #worker: Worker;
  /** Resolves when the thread has ended; rejects with why it could not finish. */
  readonly done: Promise<void>;

  constructor(request: VerificationRequest, onMessage: (message: VerificationMessage) => void) {
    // A published package carries JavaScript: the worker's file ends as this one does.
    const file = new URL(`./verification-thread${extname(import.meta.url)}`, import.meta.url);
    this.#worker = new Worker(file, { workerData: request, name: 'vault-verification' });
    this.#worker.on('message', onMessage);
    this.done = new Promise((resolve, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => resolve());
    });
  }

  /** Resolves when the thread has let go of the vault. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
