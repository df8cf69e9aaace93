import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Exposition } from '../telemetry/exposition.ts';
import { type BindAddress, formatBindAddress } from './config/bind-address.ts';
import { errorMessage, StartError, systemErrorCode } from './errors.ts';

/** Resolves when the server accepts connections. @throws StartError */
export async function listen(server: Server, address: BindAddress): Promise<void> {
  try {
    if (address.kind === 'unix') await removeStaleSocket(address.path);
    server.listen(
      address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
    );
    await once(server, 'listening');
  } catch (error) {
    throw new StartError(listenFailure(address, error), { cause: error });
  }
}

/** Fails where `listen` would: a start that cannot end well is to make nothing. @throws StartError */
export async function tryToListen(address: BindAddress): Promise<void> {
  const server = createServer();
  await listen(server, address);
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

/** A process that was killed leaves its socket file behind, which nobody can bind again. */
async function removeStaleSocket(path: string): Promise<void> {
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
