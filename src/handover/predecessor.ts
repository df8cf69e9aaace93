import type { SendHandle } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { InheritedSockets } from './inherited-sockets.ts';
import {
  type ListenerAddresses,
  predecessorMessage,
  type SuccessorMessage,
  successorVariable,
} from './messages.ts';

/** The end of a channel to the process that started this one. */
export interface Channel extends EventEmitter {
  readonly env: Record<string, string | undefined>;
  readonly connected?: boolean;
  send?(message: unknown, handle: SendHandle, callback: (error: Error | null) => void): boolean;
  disconnect?(): void;
}

/** What the successor is told, or has to assume where its predecessor has died. */
export interface Succession {
  readonly ownsSocketFile: boolean;
}

/** The process that this one succeeds, as this one sees it. */
export class Predecessor {
  /** The process id. */
  readonly pid: number;
  readonly #channel: Channel;

  private constructor(pid: number, channel: Channel) {
    this.pid = pid;
    this.#channel = channel;
  }

  /** Null where this process is no successor; the variable is taken out of the environment. */
  static of(channel: Channel): Predecessor | null {
    const pid = Number(channel.env[successorVariable]);
    delete channel.env[successorVariable];
    return Number.isSafeInteger(pid) && channel.send !== undefined ? new Predecessor(pid, channel) : null;
  }

  /**
   * Says that this process is prepared, and resolves when the vault is its own: when the predecessor has let it go, or died.
   * @throws the reason of `stopRequested`
   */
  async takeOver(
    sockets: InheritedSockets,
    addresses: ListenerAddresses,
    stopRequested: AbortSignal,
  ): Promise<Succession> {
    const told = this.#nextMessage(stopRequested);
    for (const [name, { handle }] of sockets) await this.#send({ kind: 'socket', name }, handle);
    await this.#send({ kind: 'prepared', addresses });
    return (await told) ?? { ownsSocketFile: true };
  }

  /** Tells the predecessor that requests are served, which ends it. */
  async ready(): Promise<void> {
    await this.#send({ kind: 'ready' });
    if (this.#channel.connected === true) this.#channel.disconnect?.();
  }

  #nextMessage(stopRequested: AbortSignal): Promise<Succession | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Succession | null>();
    const channel = this.#channel;
    channel.on('message', message => {
      const told = predecessorMessage(message);
      if (told !== null) resolve(told);
    });
    channel.once('disconnect', () => resolve(null));
    if (channel.connected !== true) resolve(null);
    stopRequested.addEventListener('abort', () => reject(stopRequested.reason), { once: true });
    if (stopRequested.aborted) reject(stopRequested.reason);
    return promise;
  }

  #send(message: SuccessorMessage, socket?: Socket): Promise<void> {
    return send(this.#channel, message, socket);
  }
}

/** Tells the predecessor why this process ends; nobody where it has none. */
export async function reportRefusal(channel: Channel, reason: string): Promise<void> {
  await send(channel, { kind: 'refused', reason });
}

/** A predecessor that has died is told nothing. */
function send(channel: Channel, message: SuccessorMessage, socket?: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (channel.connected !== true) return Promise.resolve();
  channel.send?.(message, socket === undefined ? undefined : rawHandle(socket), () => resolve());
  return promise;
}

/** Node sends a socket as a connection, and the other side would read from it; the handle beneath is sent as it is. */
function rawHandle(socket: Socket): SendHandle {
  return (socket as unknown as { _handle: SendHandle })._handle;
}
