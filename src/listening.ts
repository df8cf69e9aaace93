import { once } from 'node:events';
import { linkSync, lstatSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { type BindAddress, formatBindAddress } from './config/bind-address.ts';
import { errorMessage, StartError, systemErrorCode } from './errors.ts';
import { grantAccess, requireSafeFolder, type SocketAccess } from './socket-access.ts';

/**
 * Resolves when the server accepts connections.
 * @param access of a unix socket; null leaves it to its owner
 * @throws StartError
 */
export async function listen(
  server: Server,
  address: BindAddress,
  access: SocketAccess | null = null,
): Promise<void> {
  try {
    if (address.kind === 'tcp') {
      server.listen({ host: address.host, port: address.port });
      await once(server, 'listening');
    } else {
      await listenOnFile(server, address.path, access);
    }
  } catch (error) {
    // Takes the socket's file away.
    if (server.listening) server.close();
    throw new StartError(listenFailure(address, error), { cause: error });
  }
}

/**
 * Resolves when the server accepts connections from a socket that listens already.
 * @param handle of the socket, which is the server's own from now on
 * @param ownedFile of a unix socket that the service made, which goes when the server closes; null where there is none
 */
export async function listenOn(server: Server, handle: object, ownedFile: string | null): Promise<void> {
  server.listen(handle);
  await once(server, 'listening');
  if (ownedFile !== null) removeAtClose(server, ownedFile);
}

const removals = new WeakMap<Server, { readonly path: string; readonly listener: () => void }>();

/**
 * The file of its unix socket stays when the server closes: another process listens on it.
 * @returns its path; null where the service made none
 */
export function leaveSocketFile(server: Server): string | null {
  const removal = removals.get(server);
  if (removal === undefined) return null;
  removals.delete(server);
  server.off('close', removal.listener);
  return removal.path;
}

/**
 * Binds under a name that nobody knows and then gives the socket its own: so it has its mode and group from the first moment, and
 * is still there when this process closes it, where Node removes the name that it bound.
 */
async function listenOnFile(server: Server, path: string, access: SocketAccess | null): Promise<void> {
  requireSafeFolder(path);
  await removeStaleSocket(path);
  const bound = join(dirname(path), `.${crypto.randomUUID().slice(0, 6)}`);
  server.listen({ path: bound });
  await once(server, 'listening');
  try {
    if (access !== null) grantAccess(bound, access);
    linkSync(bound, path);
  } catch (error) {
    throw systemErrorCode(error) === 'EEXIST' ? addressInUse(path) : error;
  } finally {
    rmSync(bound, { force: true });
  }
  removeAtClose(server, path);
}

/** As the kernel says it of a port. */
function addressInUse(path: string): Error {
  return Object.assign(new Error(`listen EADDRINUSE: address already in use ${path}`), {
    code: 'EADDRINUSE',
  });
}

function removeAtClose(server: Server, path: string): void {
  const { ino } = lstatSync(path);
  const listener = () => {
    // Another service may have put its own there.
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === ino) rmSync(path, { force: true });
  };
  removals.set(server, { path, listener });
  server.once('close', listener);
}

/** Fails where `listen` would: a start that cannot end well is to make nothing. @throws StartError */
export async function tryToListen(address: BindAddress, access: SocketAccess | null = null): Promise<void> {
  const server = createServer();
  await listen(server, address, access);
  server.close();
  await once(server, 'close');
}

/** A process that was killed leaves its socket file behind, which nobody can bind again. Nothing else is removed. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('something that is no socket stands there; move it away');
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (error) {
    if (systemErrorCode(error) === 'ECONNREFUSED') await rm(path, { force: true });
  } finally {
    socket.destroy();
  }
}

function listenFailure(address: BindAddress, error: unknown): string {
  if (systemErrorCode(error) === 'EADDRINUSE') {
    return `${errorMessage(error)}: the address is taken; stop what listens there, or set server.bind_addr.`;
  }
  return `Cannot listen on ${formatBindAddress(address)}: ${errorMessage(error)}`;
}
