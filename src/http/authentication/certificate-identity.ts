import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import type { Metrics } from '../../../telemetry/instruments.ts';
import { ServiceError } from '../../errors.ts';
import type { Credential } from '../../vault/caller.ts';
import type { Caller } from '../../vault/vault.ts';
import { certificateAuthorities } from './certificate-authorities.ts';
import { certificateNames } from './certificate-names.ts';
import { remoteAddress } from './identity.ts';
import { type Reason, type RefusalRecorder, Refusals } from './refusals.ts';

export interface CertificateIdentityOptions {
  /** The client that a name such as `DNS:web.internal` belongs to; null for nobody's. */
  readonly clientOf: (name: string, authorities: readonly string[]) => string | null;
  /** Headers by which a request says itself who calls, which then counts instead. */
  readonly sayingHeaders: readonly string[];
  readonly metrics: Metrics;
  readonly refusals: RefusalRecorder;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What does not change while a connection stands. */
interface PeerCertificate {
  readonly names: readonly string[];
  /** Fingerprints of those above it. */
  readonly authorities: readonly string[];
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * Who a verified client certificate says is calling. The policy is asked at each request: a certificate that it no
 * longer names is refused on connections that stand already.
 */
export class CertificateIdentity {
  readonly #clientOf: CertificateIdentityOptions['clientOf'];
  readonly #sayingHeaders: readonly string[];
  readonly #refusals: Refusals;
  readonly #now: () => number;
  readonly #peers = new WeakMap<TLSSocket, PeerCertificate | null>();

  constructor({ clientOf, sayingHeaders, metrics, refusals, now }: CertificateIdentityOptions) {
    this.#clientOf = clientOf;
    this.#sayingHeaders = sayingHeaders;
    this.#refusals = new Refusals('certificate', metrics, refusals);
    this.#now = now;
  }

  /**
   * Null where no certificate was presented or a header says who calls.
   * @throws ServiceError unauthenticated, counted and recorded, when the certificate is no client's
   */
  identify(request: FastifyRequest): Caller | Promise<never> | null {
    const { socket } = request.raw;
    if (!(socket instanceof TLSSocket)) return null;
    if (this.#sayingHeaders.some(name => request.headers[name] !== undefined)) return null;
    const peer = this.#peerOf(socket);
    if (peer === null) return null;
    const refuse = (reason: Reason, message: string) => {
      const known = { id: peer.fingerprint, client: null };
      return this.#refusals.refuse(request, reason, new ServiceError('unauthenticated', message), known);
    };
    if (!socket.authorized) {
      return refuse('unverified', `The client certificate does not verify: ${socket.authorizationError}.`);
    }
    // Node verified it when the connection, or the session that it resumes, began.
    if (this.#hasExpired(peer)) return refuse('expired', 'The client certificate has expired.');
    const [client, another] = this.#clientsOf(peer);
    if (client === undefined) {
      return refuse('unknown', 'The policy has no client with this certificate.');
    }
    if (another !== undefined) {
      return refuse('unknown', 'The policy has several clients with names of this certificate.');
    }
    return {
      client,
      identityMethod: 'certificate',
      credentialId: peer.fingerprint,
      credential: { grants: 'policy', lapse: () => this.#lapse(peer, client) },
      remoteAddr: remoteAddress(request),
      requestId: request.id,
      traceId: request.span.traceId,
      span: request.span,
    };
  }

  #peerOf(socket: TLSSocket): PeerCertificate | null {
    const known = this.#peers.get(socket);
    if (known !== undefined) return known;
    const peer = peerCertificate(socket);
    this.#peers.set(socket, peer);
    return peer;
  }

  /** Each client once that a name of the certificate belongs to now. */
  #clientsOf({ names, authorities }: PeerCertificate): string[] {
    const owners = names.map(name => this.#clientOf(name, authorities));
    return [...new Set(owners.filter(client => client !== null))];
  }

  #hasExpired({ expiresAt }: PeerCertificate): boolean {
    return this.#now() > expiresAt;
  }

  #lapse(peer: PeerCertificate, client: string): ReturnType<Credential['lapse']> {
    if (this.#hasExpired(peer)) return 'expired';
    const [still, another] = this.#clientsOf(peer);
    return still === client && another === undefined ? null : 'revoked';
  }
}

function peerCertificate(socket: TLSSocket): PeerCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  return {
    names: certificateNames(certificate),
    authorities: socket.authorized ? certificateAuthorities(socket) : [],
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    expiresAt: certificate.validToDate.getTime(),
  };
}
