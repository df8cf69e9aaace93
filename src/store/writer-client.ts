import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorMessage } from '../errors.ts';
import { Gathering } from '../gathering.ts';
import type {
  Answer,
  BatchReport,
  WriterMessage,
  WriterOptions,
  WriterReport,
  WriterRequest,
} from './messages.ts';
import { StoreError } from './store.ts';

/** Told before the callers are: these requests are worked off, whether they succeeded or not. */
export type BatchListener = (report: BatchReport, requests: readonly WriterRequest[]) => void;

interface Waiting {
  readonly request: WriterRequest;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

type OpenedReport = Extract<WriterReport, { kind: 'opened' }>;

/**
 * The main thread's end of the writer. One batch is under way at a time: what is asked meanwhile gathers, and goes as
 * the next batch, so that a batch grows with the load.
 */
export class WriterClient {
  readonly #worker: Worker;
  readonly #onFatal: (error: Error) => void;
  #onBatch: BatchListener = () => {};
  /** Told how many commits another process has made. */
  onForeignCommits: (commits: number) => void = () => {};
  #queue: Waiting[] = [];
  #underWay: Waiting[] = [];
  readonly #flushing = new Gathering(
    () => this.#queue.length,
    () => this.#flush(),
  );
  /** Why nothing more is taken on; null while the writer works. */
  #stopped: StoreError | null = null;
  #failed = false;
  #closing: { readonly done: () => void } | null = null;

  private constructor(worker: Worker, onFatal: (error: Error) => void) {
    this.#worker = worker;
    this.#onFatal = onFatal;
    worker.on('message', (report: WriterReport) => this.#receive(report));
    worker.on('error', error => this.#fail(errorMessage(error)));
    worker.on('exit', () => this.#exited());
  }

  /**
   * Starts the thread and waits until it has opened the vault. Throws StoreError `failed`.
   * `onFatal` is called once, if the writer ever cannot go on.
   */
  static async start(
    options: WriterOptions,
    onFatal: (error: Error) => void,
  ): Promise<{ writer: WriterClient; opened: OpenedReport }> {
    // A published package carries JavaScript: the worker's file ends as this one does.
    const file = new URL(`./sqlite-writer${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(file, { workerData: options, name: 'store-writer' });
    const first = await firstReport(worker);
    if (first.kind === 'opened') return { writer: new WriterClient(worker, onFatal), opened: first };
    await worker.terminate();
    if (first.kind === 'refused') {
      throw new StoreError('failed', first.message, { isTemporary: first.isTemporary });
    }
    throw new StoreError('failed', 'the writer did not start');
  }

  set onBatch(listener: BatchListener) {
    this.#onBatch = listener;
  }

  get #busy(): boolean {
    return this.#underWay.length > 0;
  }

  /** Resolves when the request is done, durably where it writes; throws StoreError. */
  async request(request: WriterRequest): Promise<Exclude<Answer, { kind: 'failure' }>> {
    const answer = await new Promise<Answer>((resolve, reject) => {
      if (this.#stopped !== null) throw this.#stopped;
      this.#queue.push({ request, resolve, reject });
      this.#scheduleFlush();
    });
    if (answer.kind === 'failure') throw new StoreError(answer.failure, answer.message);
    return answer;
  }

  /** @throws StoreError when nothing more is taken on */
  requireRunning(): void {
    if (this.#stopped !== null) throw this.#stopped;
  }

  /** Ends the thread after everything asked for is done. */
  async close(): Promise<void> {
    if (this.#stopped !== null) return;
    this.#stopped = new StoreError('failed', 'the store is closed');
    const done = Promise.withResolvers<void>();
    this.#closing = { done: done.resolve };
    this.#scheduleFlush();
    await done.promise;
  }

  #scheduleFlush(): void {
    if (!this.#busy) this.#flushing.schedule();
  }

  #flush(): void {
    if (this.#queue.length > 0) {
      this.#underWay = this.#queue;
      this.#queue = [];
      this.#post(this.#underWay.map(waiting => waiting.request));
    } else if (this.#closing !== null) {
      this.#post('close');
    }
  }

  #post(message: WriterMessage): void {
    this.#worker.postMessage(message);
  }

  #receive(report: WriterReport): void {
    if (report.kind === 'fatal') this.#fail(`the vault cannot be written: ${report.message}`);
    if (report.kind === 'foreign') this.onForeignCommits(report.commits);
    if (report.kind !== 'batch') return;
    const done = this.#underWay;
    this.#onBatch(
      report,
      done.map(waiting => waiting.request),
    );
    this.#underWay = [];
    for (const [index, waiting] of done.entries()) {
      const answer = report.answers[index];
      if (answer !== undefined) waiting.resolve(answer);
    }
    if (this.#queue.length > 0 || this.#closing !== null) this.#scheduleFlush();
  }

  #exited(): void {
    if (this.#closing === null || this.#busy) this.#fail('the thread that writes the vault has ended');
    this.#closing?.done();
  }

  /** The first failure counts; what waits is refused, and so is all that comes later. */
  #fail(reason: string): void {
    if (this.#failed) return;
    this.#failed = true;
    const stopped = new StoreError('failed', reason);
    this.#stopped = stopped;
    for (const { reject } of [...this.#underWay, ...this.#queue]) reject(stopped);
    this.#underWay = [];
    this.#queue = [];
    this.#onFatal(stopped);
  }
}

function firstReport(worker: Worker): Promise<WriterReport> {
  const first = Promise.withResolvers<WriterReport>();
  const failed = (error: unknown) =>
    first.reject(new StoreError('failed', errorMessage(error), { cause: error }));
  // A thread that gets too few descriptors ends without a word.
  const ended = () => {
    first.reject(
      new StoreError('failed', 'the thread that writes the vault did not start', { isTemporary: true }),
    );
  };
  worker.once('message', first.resolve);
  worker.once('error', failed);
  worker.once('exit', ended);
  return first.promise.finally(() => worker.off('error', failed).off('exit', ended));
}
