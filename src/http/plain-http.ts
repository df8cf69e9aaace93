import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { ServiceError } from '../errors.ts';
import { answerRaw } from './below-routes.ts';

/** What OpenSSL says when the first bytes are a request in the clear. Of some methods it cannot tell. */
const plainRequest: readonly unknown[] = ['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_HTTPS_PROXY_REQUEST'];

/** Answers a request in the clear on a port for TLS with 400 in the clear: an empty answer would say nothing. */
export function answerPlainHttp(server: Server): void {
  if (!(server instanceof TlsServer)) return;
  const handshakes = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    handshakes.set(peer, socket);
    socket.once('close', () => handshakes.delete(peer));
  });
  server.on('secureConnection', (socket: Socket) => handshakes.delete(peerOf(socket)));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, secured: Socket) => {
    // The TLS socket has ended; the one that it came in on still takes bytes.
    const socket = handshakes.get(peerOf(secured));
    if (socket === undefined || !plainRequest.includes(error.code)) return;
    const message =
      'This port speaks HTTPS, and the request came as plain HTTP; use https:// in the address.';
    answerRaw(new ServiceError('bad_request', message), socket);
  });
}

/** A TLS socket is another object than the socket it came in on; the address of the peer is the same. */
function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
