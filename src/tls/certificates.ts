import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsFiles } from '../config/transport.ts';
import { errorMessage, StartError } from '../errors.ts';
import { groupMayRead, readPrivateFile } from '../file-access.ts';

/** What the files of `[server.tls]` held at one moment. */
export interface TlsContents {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly clientCa: Buffer | null;
  readonly clientCrl: Buffer | null;
}

/** A certificate that can be served with its key. */
export interface ServableCertificate {
  /** Whole: setSecureContext() forgets what it is not given. */
  readonly options: SecureContextOptions;
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly expiresAt: number;
  /** Of the client authority that expires first; null where there are none. */
  readonly clientCaExpiresAt: number | null;
}

/** @throws StartError naming the file and the reason */
export function readTlsFiles(files: TlsFiles): TlsContents {
  return {
    certificate: readPublic('the certificate', files.certificate),
    key: readPrivateFile("the certificate's key", files.key, groupMayRead),
    clientCa: files.clientCa === null ? null : readPublic('the client authorities', files.clientCa),
    clientCrl: files.clientCrl === null ? null : readPublic('the revocation lists', files.clientCrl),
  };
}

/**
 * Checks that certificate, key and authorities belong together and can be served. One that has expired can: clients
 * say so more clearly than a service that is gone.
 * @throws StartError naming the file and the reason
 */
export function servableCertificate(files: TlsFiles, contents: TlsContents): ServableCertificate {
  const certificate = parseCertificate('the certificate', files.certificate, contents.certificate);
  const key = parseKey(files.key, contents.key);
  if (!certificate.checkPrivateKey(key)) {
    throw new StartError(`the key ${files.key} does not belong to the certificate ${files.certificate}`);
  }
  const trust = clientTrust(files, contents);
  const options: SecureContextOptions = {
    cert: contents.certificate,
    key: contents.key,
    minVersion: files.minVersion,
    // A client could have the server do the costly part of a TLS 1.2 handshake again and again.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...trust.options,
  };
  requireUsable(options, files);
  return {
    options,
    validFrom: certificate.validFromDate.getTime(),
    expiresAt: certificate.validToDate.getTime(),
    clientCaExpiresAt: trust.expiresAt,
  };
}

/** What client certificates are verified against, and when the first of the authorities expires. */
function clientTrust(
  files: TlsFiles,
  { clientCa, clientCrl }: TlsContents,
): { options: SecureContextOptions; expiresAt: number | null } {
  if (files.clientCa === null || clientCa === null) return { options: {}, expiresAt: null };
  const path = files.clientCa;
  // Node passes over text that is no certificate: then no client could be verified, and nobody would know why.
  const ca = pemBlocks(path, clientCa, 'CERTIFICATE');
  const dates = ca.map(block =>
    parseCertificate('the client authorities', path, block).validToDate.getTime(),
  );
  const expiresAt = Math.min(...dates);
  if (files.clientCrl === null || clientCrl === null) return { options: { ca }, expiresAt };
  // Of a text with several lists Node reads the first only.
  return { options: { ca, crl: pemBlocks(files.clientCrl, clientCrl, 'X509 CRL') }, expiresAt };
}

function requireUsable(options: SecureContextOptions, files: TlsFiles): void {
  try {
    createSecureContext(options);
  } catch (error) {
    const named = [files.certificate, files.key, files.clientCa, files.clientCrl].filter(
      file => file !== null,
    );
    throw new StartError(`TLS cannot be set up with ${named.join(', ')}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

function readPublic(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartError(`cannot read ${what} ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

function parseCertificate(what: string, path: string, pem: Buffer | string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new StartError(`${what} ${path} cannot be read as PEM: ${errorMessage(error)}`, { cause: error });
  }
}

function parseKey(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new StartError(
      `the certificate's key ${path} is no private key in PEM without passphrase: ${errorMessage(error)}`,
      { cause: error },
    );
  }
}

function pemBlocks(path: string, pem: Buffer, label: string): string[] {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g');
  const blocks = pem.toString('latin1').match(block);
  if (blocks === null) throw new StartError(`${path} holds no ${label} in PEM`);
  return blocks;
}
