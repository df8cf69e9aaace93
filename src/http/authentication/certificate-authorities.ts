import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** Longer than any chain that OpenSSL verifies by default. */
const mostLinks = 20;

/**
 * SHA-256 fingerprints, in lower-case hexadecimal, of the authorities above a verified certificate, nearest first. Each has signed
 * the one below: a client may send any certificate along. Of a resumed session, intermediate ones may be missing.
 */
export function certificateAuthorities(socket: TLSSocket): string[] {
  const fingerprints: string[] = [];
  const peer = socket.getPeerCertificate(true);
  let { issuerCertificate } = peer;
  let below = new X509Certificate(peer.raw);
  while (issuerCertificate !== undefined && fingerprints.length < mostLinks) {
    const above = new X509Certificate(issuerCertificate.raw);
    const isSelfSigned = above.fingerprint256 === below.fingerprint256;
    if (isSelfSigned || !below.checkIssued(above) || !below.verify(above.publicKey)) break;
    fingerprints.push(above.fingerprint256.replaceAll(':', '').toLowerCase());
    below = above;
    issuerCertificate = issuerCertificate.issuerCertificate;
  }
  return fingerprints;
}
