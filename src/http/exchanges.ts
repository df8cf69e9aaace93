import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The latest request of a connection and its answer. */
interface Exchange {
  /** Forgotten once both are over, or a quiet connection would keep all that they hold. */
  answer: ServerResponse | undefined;
  /** The bytes that the connection had sent when they were over. */
  bytesRead: number;
}

const latestExchanges = new WeakMap<Socket, Exchange>();

const notedServers = new WeakSet<Server>();

/** Notes what is under way on each connection of the server, from its next connection on. */
export function noteExchanges(server: Server): void {
  if (notedServers.has(server)) return;
  notedServers.add(server);
  server.prependListener('request', ({ socket }, answer) => noteExchange(socket, answer));
}

export function noteExchange(socket: Socket, answer: ServerResponse): void {
  const known = latestExchanges.get(socket);
  const exchange = known ?? { answer, bytesRead: 0 };
  exchange.answer = answer;
  if (known === undefined) latestExchanges.set(socket, exchange);
  answer.on('close', () => {
    if (exchange.answer !== answer || !answer.req.complete) return;
    exchange.answer = undefined;
    exchange.bytesRead = socket.bytesRead;
  });
}

/** The answer to the latest request, while it or its request is under way. */
export function latestAnswer(socket: Socket): ServerResponse | undefined {
  return latestExchanges.get(socket)?.answer;
}

/** Whether no answer is owed, and no part of a request has arrived. */
export function isIdle(socket: Socket): boolean {
  const exchange = latestExchanges.get(socket);
  return exchange?.answer === undefined && socket.bytesRead === (exchange?.bytesRead ?? 0);
}
