import { hash } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { ServerOptions } from 'node:https';
import { Server as TlsServer } from 'node:tls';
import type { TlsFiles } from '../config/transport.ts';
import { errorMessage } from '../errors.ts';
import {
  readTlsFiles,
  type ServableCertificate,
  servableCertificate,
  type TlsContents,
} from './certificates.ts';

/** Milliseconds between two looks at the files. */
const standardInterval = 10_000;
/** Milliseconds for a handshake: as long as a request may take to arrive. */
const handshakeTimeout = 10_000;

interface Log {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/**
 * The certificate that is served now, and how its last reload went. The files are read again and again rather than
 * watched: it works the same on network file systems and where Kubernetes swaps links, and a pair caught half written
 * is whole at the next look.
 */
export class CertificatesInForce {
  readonly #files: TlsFiles;
  readonly #log: Log;
  readonly #interval: number;
  #current: ServableCertificate;
  /** SHA-256 of the files in force. */
  #digest: string;
  /** What is wrong with the files as they are now; null where they are in force. */
  #fault: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #server: TlsServer | undefined;

  /** @throws StartError when the files cannot be served */
  constructor(files: TlsFiles, log: Log, interval = standardInterval) {
    this.#files = files;
    this.#log = log;
    this.#interval = interval;
    const contents = readTlsFiles(files);
    this.#current = servableCertificate(files, contents);
    this.#digest = digestOf(contents);
    this.#warnOfDates();
  }

  /**
   * For the server. A client without a certificate, or with one that does not verify, is let through the handshake:
   * probes have none, and a refusal there would reach the client as a broken connection without a reason.
   * CertificateIdentity refuses the certificate, and says why.
   */
  get serverOptions(): ServerOptions {
    const requestCert = this.#files.clientCa !== null;
    return { ...this.#current.options, handshakeTimeout, requestCert, rejectUnauthorized: false };
  }

  get lastReloadSucceeded(): boolean {
    return this.#fault === null;
  }

  /** In Unix seconds. */
  get expiries(): { certificate: 'server' | 'client_ca'; expiresAt: number }[] {
    const { expiresAt, clientCaExpiresAt } = this.#current;
    const server = { certificate: 'server' as const, expiresAt: expiresAt / 1000 };
    if (clientCaExpiresAt === null) return [server];
    return [server, { certificate: 'client_ca', expiresAt: clientCaExpiresAt / 1000 }];
  }

  /** From now on the server has what the files hold; connections that stand already keep what they began with. */
  follow(server: HttpServer): void {
    if (server instanceof TlsServer) this.#server = server;
    this.#timer = setInterval(() => this.#look(), this.#interval).unref();
  }

  /** Looks at the files now. Never throws: what cannot be served is logged, and the pair in force stays. */
  reload(): void {
    this.#fault = null;
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      const contents = readTlsFiles(this.#files);
      if (digestOf(contents) !== this.#digest) this.#replace(contents);
      this.#fault = null;
    } catch (error) {
      this.#complain(errorMessage(error));
    }
  }

  #replace(contents: TlsContents): void {
    const next = servableCertificate(this.#files, contents);
    this.#server?.setSecureContext(next.options);
    this.#current = next;
    this.#digest = digestOf(contents);
    this.#log.info({ expires: new Date(next.expiresAt).toISOString() }, 'certificate reloaded');
    this.#warnOfDates();
  }

  /** Once for each fault: the files are looked at every few seconds. */
  #complain(fault: string): void {
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#log.error({ reason: fault }, 'the certificate was not reloaded; the one in force stays');
  }

  #warnOfDates(): void {
    const { validFrom, expiresAt } = this.#current;
    const now = Date.now();
    if (now >= validFrom && now < expiresAt) return;
    const dates = {
      valid_from: new Date(validFrom).toISOString(),
      expires: new Date(expiresAt).toISOString(),
    };
    const what = now < validFrom ? 'the certificate is not valid yet' : 'the certificate has expired';
    this.#log.warn({ file: this.#files.certificate, ...dates }, `${what}: clients will refuse it`);
  }
}

function digestOf({ certificate, key, clientCa, clientCrl }: TlsContents): string {
  const parts = [certificate, key, clientCa ?? Buffer.of(), clientCrl ?? Buffer.of()];
  return hash('sha256', Buffer.concat(parts));
}
