import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Exposition } from '../../telemetry/exposition.ts';
import type { Metrics } from '../../telemetry/instruments.ts';
import { ConnectionCap } from './connection-cap.ts';
import { isRefusedOnScrapes } from './request-options.ts';

/** A scrape is one short request: who needs longer for it than this has stopped. In milliseconds. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  /** Longer than the usual interval of scrapes, so that a scrape need not open a new connection. */
  keepAliveTimeout: 72_000,
  /** Node looks for slow requests every 30 s unless told. */
  connectionsCheckingInterval: 1000,
};
/** A client that does not read its answer is cut off after so long. */
const silenceMs = 20_000;

export interface ScrapeServerOptions {
  readonly exposition: Exposition;
  /** At once; past it the connection that kept the service waiting longest is closed. */
  readonly maxConnections: number;
  readonly metrics: Pick<Metrics, 'scrapeConnectionDropped'>;
}

/** A server that knows nothing but `/metrics`, for scrapers that must not reach the API. */
export function createScrapeServer({ exposition, maxConnections, metrics }: ScrapeServerOptions): Server {
  const server = createServer(timeouts, (request, response) => void answer(exposition, request, response));
  server.timeout = silenceMs;
  new ConnectionCap(server, maxConnections, { connectionDropped: metrics.scrapeConnectionDropped });
  return server;
}

async function answer(
  exposition: Exposition,
  { headers, method, url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url?.split('?', 1)[0] !== '/metrics') {
    return send(response, 404, {}, 'This listener serves /metrics alone.\n');
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return send(response, 405, { allow: 'GET, HEAD' }, 'Scrape /metrics with GET.\n');
  }
  const refused = Object.keys(headers).find(isRefusedOnScrapes);
  if (refused !== undefined) {
    return send(response, 400, {}, `A scrape cannot honour ${refused}; send the request without it.\n`);
  }
  const { accept, 'accept-encoding': acceptEncoding } = headers;
  const reply = await exposition.render({ accept, acceptEncoding: acceptEncoding?.toString() });
  send(response, reply.status, reply.headers, reply.body);
}

/** Node leaves the body out of the answer to a HEAD. */
function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
): void {
  const length = String(Buffer.byteLength(body));
  const type = { 'content-type': 'text/plain; charset=utf-8' };
  response.writeHead(status, { ...type, ...headers, 'content-length': length }).end(body);
}
