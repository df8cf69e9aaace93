import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Exposition } from '../telemetry/exposition.ts';
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
      requireSafeFolder(address.path);
      await removeStaleSocket(address.path);
      server.listen({ path: address.path });
      await once(server, 'listening');
      if (access !== null) grantAccess(address.path, access);
    }
  } catch (error) {
    // Takes the socket's file away.
    if (server.listening) server.close();
    throw new StartError(listenFailure(address, error), { cause: error });
  }
}

/** Fails where `listen` would: a start that cannot end well is to make nothing. @throws StartError */
export async function tryToListen(address: BindAddress, access: SocketAccess | null = null): Promise<void> {
  const server = createServer();
  await listen(server, address, access);
  server.close();
  await once(server, 'close');
}

/** A server that knows nothing but `GET /metrics`, for scrapers that must not reach the API. */
export function createScrapeServer(exposition: Exposition): Server {
  return createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    const { accept, 'accept-encoding': encoding } = request.headers;
    const { status, headers, body } = await exposition.render({
      accept,
      acceptEncoding: encoding?.toString(),
    });
    response.writeHead(status, headers).end(body);
  });
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
