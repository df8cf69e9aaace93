import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import type { Exposition } from '../telemetry/exposition.ts';
import type { BindAddress } from './config/bind-address.ts';
import { systemErrorCode } from './errors.ts';

/** Resolves when the server accepts connections; rejects with the system's error. */
export async function listen(server: Server, address: BindAddress): Promise<void> {
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  server.listen(
    address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
  );
  await once(server, 'listening');
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
