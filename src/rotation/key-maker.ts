import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorMessage, ServiceError } from '../errors.ts';
import { FairQueue } from '../fair-queue.ts';
import type { GenerationOrder } from '../vault/types.ts';
import type { KeyReply, KeyType } from './key-types.ts';

/** Requests of one owner, and of all, that may wait for a key; each waits for one at a time. */
const mostPerOwner = 20;
const mostWaiting = 500;
/** An idle thread ends after this many milliseconds and gives its memory back. */
const idleLimitMs = 30_000;
/** How long a key is taken to need until one was made: an RSA key of 2048 bits, in milliseconds. */
const firstEstimateMs = 250;

interface Job {
  readonly type: KeyType;
  readonly resolve: (pem: string) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes private keys on a thread of its own, which starts with the first key. An RSA key takes hundreds of milliseconds: on
 * the shared pool each would hold up the syncs that every request waits for.
 */
export class KeyMaker {
  readonly #queue = new FairQueue<Job>();
  #worker: Worker | null = null;
  #underWay: Job | null = null;
  #startedAt = 0;
  #averageMs = firstEstimateMs;
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  /** Whether the thread runs: it costs memory only while keys are made. */
  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /**
   * A private key as PKCS #8 PEM.
   * @throws ServiceError too_many_requests when too many requests of the owner wait for a key; overloaded when too many of all do;
   * unavailable when the order was aborted before its turn or the thread failed
   */
  async make(type: KeyType, order: GenerationOrder): Promise<string> {
    const { owner, signal } = order;
    if (signal?.aborted || this.#closed) throw abandoned();
    this.#requireRoom(owner);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const job: Job = { type, resolve, reject };
    // A job whose turn has come is finished, and its key dropped.
    const abandon = () => {
      this.#queue.remove(owner, job);
      reject(abandoned());
    };
    signal?.addEventListener('abort', abandon);
    this.#queue.add(owner, job);
    this.#next();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', abandon);
    }
  }

  /** Refuses what waits and ends the thread. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting(abandoned());
    await this.#endThread();
  }

  #requireRoom(owner: string): void {
    const isShare = this.#queue.sizeOf(owner) >= mostPerOwner;
    if (!isShare && this.#queue.size < mostWaiting) return;
    const waiting = isShare ? this.#queue.sizeOf(owner) : this.#queue.size;
    const headers = { 'retry-after': String(Math.ceil((waiting * this.#averageMs) / 1000)) };
    if (isShare) {
      const message = `${waiting} requests of this client wait for a key; wait as long as Retry-After says.`;
      throw new ServiceError('too_many_requests', message, { headers });
    }
    throw new ServiceError('overloaded', undefined, { headers });
  }

  #next(): void {
    if (this.#underWay !== null) return;
    clearTimeout(this.#idle);
    const job = this.#queue.take();
    if (job === undefined) {
      this.#idle = setTimeout(() => void this.#endThread(), idleLimitMs).unref();
      return;
    }
    this.#underWay = job;
    this.#startedAt = performance.now();
    this.#thread().postMessage(job.type);
  }

  #thread(): Worker {
    if (this.#worker !== null) return this.#worker;
    // A published package carries JavaScript: the worker's file ends as this one does.
    const file = new URL(`./key-thread${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(file, {
      name: 'key-maker',
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    });
    // A key that is being made keeps nobody from ending the process.
    worker.unref();
    worker.on('message', (reply: KeyReply) => this.#received(reply));
    worker.on('error', error => this.#failed(worker, errorMessage(error)));
    worker.on('exit', () => this.#failed(worker, 'the thread has ended'));
    this.#worker = worker;
    return worker;
  }

  #received(reply: KeyReply): void {
    const job = this.#underWay;
    this.#underWay = null;
    this.#averageMs += (performance.now() - this.#startedAt - this.#averageMs) / 10;
    if (job !== null) {
      if ('pem' in reply) job.resolve(reply.pem);
      else job.reject(cannotMake(reply.failure));
    }
    this.#next();
  }

  /** The next key starts another thread. */
  #failed(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#underWay?.reject(cannotMake(reason));
    this.#underWay = null;
    this.#next();
  }

  #stopWaiting(error: ServiceError): void {
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) job.reject(error);
    this.#underWay?.reject(error);
    this.#underWay = null;
  }

  async #endThread(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}

function abandoned(): ServiceError {
  return new ServiceError(
    'unavailable',
    'The keys were not made in time, and nothing was changed; rotate fewer names at once.',
  );
}

function cannotMake(reason: string): ServiceError {
  return new ServiceError('internal', 'A key could not be made; nothing was changed.', {
    cause: new Error(reason),
  });
}
