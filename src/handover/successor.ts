import { type ChildProcess, type SendHandle, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type SocketName, socketNames } from './inherited-sockets.ts';
import {
  type ListenerAddresses,
  type PredecessorMessage,
  type SuccessorMessage,
  successorMessage,
  successorVariable,
} from './messages.ts';

/** How a successor is started: as this process was, with the code that is in place now. */
export interface SuccessorCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of this process. */
  readonly pid: number;
  /** Of the listening sockets that the successor inherits. */
  readonly descriptors: ReadonlyMap<SocketName, number>;
}

/** The process that is to succeed this one, as this one sees it. */
export class Successor {
  /** Of the listening sockets, for a predecessor that has to go on; nothing is accepted from them before. */
  readonly handles = new Map<SocketName, object>();
  readonly #child: ChildProcess;
  readonly #prepared = Promise.withResolvers<ListenerAddresses>();
  readonly #ready = Promise.withResolvers<void>();
  #refusal: string | null = null;

  private constructor(child: ChildProcess) {
    this.#child = child;
    // A caller that waits for one of them is told; the other must not count as unhandled.
    for (const { promise } of [this.#prepared, this.#ready]) promise.catch(() => undefined);
    child.on('message', (message, handle) => this.#receive(successorMessage(message), handle));
    child.on('error', error => this.#fail(`it could not be started: ${error.message}`));
    child.on('exit', (code, signal) => {
      const ended = signal === null ? `it ended with code ${code}` : `${signal} ended it`;
      const fail = () => this.#fail(this.#refusal === null ? ended : `${ended}: ${this.#refusal}`);
      // Its last message may come after its end.
      if (child.connected) child.once('disconnect', fail);
      else fail();
    });
  }

  /** Starts it with the descriptors and variables of sd_listen_fds(3), and a channel. */
  static start({ file, args, folder, env, pid, descriptors }: SuccessorCommand): Successor {
    const child = spawn(file, args, {
      cwd: folder,
      env: {
        ...env,
        LISTEN_FDS: String(descriptors.size),
        LISTEN_FDNAMES: [...descriptors.keys()].join(':'),
        [successorVariable]: String(pid),
      },
      stdio: ['inherit', 'inherit', 'inherit', ...descriptors.values(), 'ipc'],
    });
    return new Successor(child);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Resolves with what it will listen on, when only the vault's lock keeps it. @throws Error when it ends or takes too long */
  async prepared(deadlineMs: number): Promise<ListenerAddresses> {
    return await within(deadlineMs, 'it was not prepared', this.#prepared.promise);
  }

  /** Lets it have the vault; resolves when it serves requests. @throws Error when it ends or takes too long */
  async takeOver(message: PredecessorMessage, deadlineMs: number): Promise<void> {
    // An error of the channel comes as an exit, too.
    this.#child.send(message, () => undefined);
    await within(deadlineMs, 'it was not ready', this.#ready.promise);
  }

  /** Resolves when it has ended: from then on nothing of it holds the vault. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Passes a signal on that reached this process for the service. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #receive(message: SuccessorMessage | null, handle: SendHandle): void {
    switch (message?.kind) {
      case 'socket':
        if (socketNames.includes(message.name) && handle !== undefined)
          this.handles.set(message.name, handle);
        break;
      case 'prepared':
        this.#prepared.resolve(message.addresses);
        break;
      case 'refused':
        this.#refusal = message.reason;
        break;
      case 'ready':
        this.#ready.resolve();
        break;
    }
  }

  #fail(reason: string): void {
    const error = new Error(reason);
    this.#prepared.reject(error);
    this.#ready.reject(error);
  }
}

async function within<T>(deadlineMs: number, failure: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${failure} within ${deadlineMs / 1000} s`)),
    deadlineMs,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
