import type { X509Certificate } from 'node:crypto';

/** One entry of Node's text of the subject alternative names; a value with a comma or a quote stands in quotes. */
const entry = /(URI|DNS|[A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/**
 * The names that a policy may know a certificate by, as it writes them: `URI:spiffe://…`, `DNS:web.internal`. A subject's
 * common name, `CN:web`, is one only where there are no alternative names (RFC 6125 §6.4.4): authorities vet those.
 */
export function certificateNames(certificate: X509Certificate): string[] {
  const { subjectAltName } = certificate;
  if (subjectAltName !== undefined) return alternativeNames(subjectAltName);
  const commonName: unknown = certificate.toLegacyObject().subject?.CN;
  // An array stands for several, of which nobody could say which one counts.
  return typeof commonName === 'string' ? [`CN:${commonName}`] : [];
}

/** None at all where any of the text is not understood: a part of it could be read as another name. */
function alternativeNames(text: string): string[] {
  const names: string[] = [];
  entry.lastIndex = 0;
  while (entry.lastIndex < text.length) {
    const [, kind, value = ''] = entry.exec(text) ?? [];
    if (kind === undefined) return [];
    if (kind === 'URI' || kind === 'DNS') names.push(`${kind}:${unquoted(value)}`);
  }
  return names;
}

function unquoted(value: string): string {
  return value.startsWith('"') ? String(JSON.parse(value)) : value;
}
