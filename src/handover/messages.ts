import type { SocketName } from './inherited-sockets.ts';

/** Set for the process that a running one starts as its successor, over whose channel the two talk. */
export const successorVariable = 'JARVIS_SUCCESSOR_OF';
/** The launcher as it was called, for a successor: links in its path are followed at each start. */
export const launcherVariable = 'JARVIS_LAUNCHER';

/** From the successor to its predecessor. */
export type SuccessorMessage =
  /** Comes with a handle of the listening socket, which the predecessor needs if it has to go on. */
  | { readonly kind: 'socket'; readonly name: SocketName }
  /** All that can be opened without the vault's lock is open. */
  | { readonly kind: 'prepared'; readonly addresses: ListenerAddresses }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Requests are served. */
  | { readonly kind: 'ready' };

/** What each listener is bound to by the configuration; null for one that there is not. */
export type ListenerAddresses = Readonly<Record<SocketName, string | null>>;

/** From the predecessor to its successor: the vault is let go, and belongs to the one that is told. */
export interface PredecessorMessage {
  readonly kind: 'take over';
  /** Whether a unix socket's file was made by the service, which then removes it at its end. */
  readonly ownsSocketFile: boolean;
}

const successorKinds: readonly string[] = [
  'socket',
  'prepared',
  'refused',
  'ready',
] satisfies SuccessorMessage['kind'][];

/** @returns null for anything else */
export function successorMessage(message: unknown): SuccessorMessage | null {
  return kindIn(message, successorKinds) ? (message as SuccessorMessage) : null;
}

/** @returns null for anything else */
export function predecessorMessage(message: unknown): PredecessorMessage | null {
  return kindIn(message, ['take over']) ? (message as PredecessorMessage) : null;
}

function kindIn(message: unknown, kinds: readonly string[]): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    typeof message.kind === 'string' &&
    kinds.includes(message.kind)
  );
}
