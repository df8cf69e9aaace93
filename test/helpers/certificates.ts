// First: the library's dependency injection asks for it.
import 'reflect-metadata';
import { X509Certificate as NodeCertificate, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 86_400_000;

/** A certificate and its key, PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  readonly commonName?: string;
  readonly names?: JsonGeneralNames;
  /** Days from now; negative for one that has expired. */
  readonly days?: number;
}

/** A certificate authority of a test's own. */
export interface Authority {
  readonly certificate: string;
  issue(subject: Subject): Promise<Pair>;
  /** A revocation list, PEM, with these certificates. */
  revoke(pairs: readonly Pair[]): Promise<string>;
}

/** For a server on loopback. */
export const loopback: Subject = {
  names: [
    { type: 'ip', value: '127.0.0.1' },
    { type: 'dns', value: 'localhost' },
  ],
};

export async function createAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const root = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    ...lifetime(30),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    certificate: root.toString('pem'),
    issue: subject => issue(root, keys.privateKey, subject),
    revoke: async pairs => {
      const list = await X509CrlGenerator.create({
        issuer: root.subject,
        thisUpdate: new Date(Date.now() - day),
        nextUpdate: new Date(Date.now() + day),
        signingAlgorithm: algorithm,
        signingKey: keys.privateKey,
        entries: pairs.map(({ certificate }) => ({
          serialNumber: serialOf(certificate),
          revocationDate: new Date(Date.now() - day),
          reason: X509CrlReason.keyCompromise,
        })),
      });
      return PemConverter.encode(list.rawData, 'X509 CRL');
    },
  };
}

async function issue(root: X509Certificate, signingKey: CryptoKey, subject: Subject): Promise<Pair> {
  const { commonName = 'test', names, days = 1 } = subject;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const extensions: Extension[] = names === undefined ? [] : [new SubjectAlternativeNameExtension(names)];
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [commonName] }],
    issuer: root.subject,
    ...lifetime(days),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificate: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') };
}

function lifetime(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - 10 * day), notAfter: new Date(now + days * day) };
}

/** Positive: the first bit is zero. */
function serialNumber(): string {
  return `01${Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex')}`;
}

function serialOf(certificate: string): string {
  return new NodeCertificate(certificate).serialNumber;
}
