import { setImmediate } from 'node:timers/promises';

/** What is used of the process object. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
  kill(pid: number, signal: NodeJS.Signals): unknown;
  readonly pid: number;
}

/** SIGQUIT is among them: its default would write a core file of the memory that holds the keys. */
const stopSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/** SIGHUP asks for a stop only when it says that the terminal of the service is gone. */
export type StopSignal = (typeof stopSignals)[number] | 'SIGHUP';

/**
 * Milliseconds. A Ctrl-C reaches the process from the terminal and, milliseconds later, once more from npm; timeout(1) signals a
 * process and then its group. Both are one request.
 */
const sameRequestMs = 1000;

/** They ask for work that a service can do once it is ready. By default they would end the process. */
const workSignals = ['SIGHUP', 'SIGUSR2'] as const;
export type WorkSignal = (typeof workSignals)[number];

/** The start ended because a signal asked for it; everything that was open is closed. */
export class StartInterrupted extends Error {
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super(`${signal} ended the start`);
    this.name = 'StartInterrupted';
    this.signal = signal;
  }
}

/**
 * Call it between the steps of a start. Node delivers signals only when the event loop has turned, which loading modules and
 * opening files do not make it do.
 * @throws the reason of `stopRequested`
 */
export async function throwIfStopped(stopRequested: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  await setImmediate();
  stopRequested?.throwIfAborted();
}

/**
 * Receives the signals of the process from its first moment on: none of them has its default effect. A signal for work that
 * arrives before somebody handles it is delivered then, once. A signal that asks for a stop interrupts the start.
 */
export class Signals {
  readonly #source: SignalSource;
  readonly #listeners: readonly (readonly [NodeJS.Signals, () => void])[];
  readonly #stop = new AbortController();
  readonly #received = new Set<WorkSignal>();
  readonly #handlers = new Map<WorkSignal, () => void>();
  #stopSignal: StopSignal | null = null;
  #stopAt = 0;
  #onStop: ((signal: StopSignal) => void) | null = null;
  #onSecondStop: ((signal: StopSignal) => void) | null = null;

  constructor(source: SignalSource) {
    this.#source = source;
    this.#listeners = [
      ...stopSignals.map(signal => [signal, () => this.requestStop(signal)] as const),
      ...workSignals.map(signal => [signal, () => this.#work(signal)] as const),
    ];
    for (const [signal, listener] of this.#listeners) source.on(signal, listener);
  }

  /** Aborted by the first signal that asks for a stop; the reason is a StartInterrupted. */
  get stopRequested(): AbortSignal {
    return this.#stop.signal;
  }

  /** From now on, the listener is called for each such signal, and now for one that arrived before. */
  handle(signal: WorkSignal, listener: () => void): void {
    this.#handlers.set(signal, listener);
    if (this.#received.delete(signal)) listener();
  }

  /** The listener is called once: by the first signal that asks for a stop, or now if that has arrived. */
  handleStop(listener: (signal: StopSignal) => void): void {
    this.#onStop = listener;
    if (this.#stopSignal !== null) listener(this.#stopSignal);
  }

  /** The listener is called by each further signal that asks for a stop, but not if the first one is only repeated at once. */
  handleSecondStop(listener: (signal: StopSignal) => void): void {
    this.#onSecondStop = listener;
  }

  /** For a process that is no service: signals have their default effect again, also those that have arrived. */
  release(): void {
    for (const [signal, listener] of this.#listeners) this.#source.off(signal, listener);
    const [received = this.#stopSignal] = this.#received;
    if (received !== null) this.#source.kill(this.#source.pid, received);
  }

  /** As the signal itself would. */
  requestStop(signal: StopSignal): void {
    if (this.#stopSignal !== null) {
      const isRepeated = signal === this.#stopSignal && performance.now() - this.#stopAt < sameRequestMs;
      if (!isRepeated) this.#onSecondStop?.(signal);
      return;
    }
    this.#stopSignal = signal;
    this.#stopAt = performance.now();
    this.#stop.abort(new StartInterrupted(signal));
    this.#onStop?.(signal);
  }

  #work(signal: WorkSignal): void {
    const handler = this.#handlers.get(signal);
    if (handler === undefined) this.#received.add(signal);
    else handler();
  }
}
