import { Socket } from 'node:net';
import { errorMessage, StartError } from '../errors.ts';

/** The names of the listeners, as `FileDescriptorName=` of a .socket unit says them. */
export const socketNames = ['api', 'metrics'] as const;
export type SocketName = (typeof socketNames)[number];

/** Of sd_listen_fds(3). */
const firstDescriptor = 3;

/** A listening socket that another process made. Nothing is accepted from it until a server listens on the handle. */
export interface InheritedSocket {
  readonly descriptor: number;
  readonly handle: Socket;
}

export type InheritedSockets = ReadonlyMap<SocketName, InheritedSocket>;

/** What is asked of the process; the environment is changed. */
export interface ReceivingProcess {
  readonly env: Record<string, string | undefined>;
  readonly pid: number;
}

/**
 * Takes the listening sockets that `LISTEN_FDS` announces (sd_listen_fds(3)), and the variables out of the environment, so that no
 * child takes them for its own. None where they are for another process.
 * @param isSuccessor whether they come from the process that this one succeeds, which cannot know LISTEN_PID beforehand
 * @throws StartError when a descriptor has no name of ours, or is no socket
 */
export function takeInheritedSockets({ env, pid }: ReceivingProcess, isSuccessor: boolean): InheritedSockets {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES } = env;
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']) delete env[name];
  const sockets = new Map<SocketName, InheritedSocket>();
  if (LISTEN_FDS === undefined || (!isSuccessor && LISTEN_PID !== String(pid))) return sockets;
  if (!/^\d{1,3}$/.test(LISTEN_FDS)) {
    throw new StartError(
      `LISTEN_FDS is ${JSON.stringify(LISTEN_FDS)}; it must be the number of passed sockets.`,
    );
  }
  for (const [index, given] of namesOf(Number(LISTEN_FDS), LISTEN_FDNAMES).entries()) {
    const descriptor = firstDescriptor + index;
    const name = socketNames.find(known => known === given);
    if (name === undefined || sockets.has(name)) {
      const problem = name === undefined ? 'which is no listener of this service' : 'as another one is';
      throw new StartError(
        `LISTEN_FDNAMES names descriptor ${descriptor} ${JSON.stringify(given)}, ${problem}; set FileDescriptorName= of its .socket unit to api or metrics.`,
      );
    }
    sockets.set(name, { descriptor, handle: openDescriptor(descriptor, name) });
  }
  return sockets;
}

/** One socket without a name is the API's. */
function namesOf(count: number, names: string | undefined): string[] {
  if (names === undefined && count === 1) return ['api'];
  const given = names?.split(':') ?? [];
  if (given.length === count) return count === 0 ? [] : given;
  throw new StartError(
    `LISTEN_FDS passes ${count} sockets and LISTEN_FDNAMES has ${given.length} names; set FileDescriptorName= of each .socket unit to api or metrics.`,
  );
}

function openDescriptor(descriptor: number, name: SocketName): Socket {
  const refusal = (problem: string) =>
    new StartError(`Descriptor ${descriptor} (${name}), passed by LISTEN_FDS, ${problem}.`);
  let handle: Socket;
  try {
    handle = new Socket({ fd: descriptor, readable: false, writable: false });
  } catch (error) {
    throw refusal(`is no stream socket: ${errorMessage(error)}`);
  }
  if (handle.remoteAddress !== undefined) {
    throw refusal('is a connection and no listener; set Accept=no in its .socket unit');
  }
  return handle;
}
