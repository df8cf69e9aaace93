/** What may be wrong with the value of a variable: each says what, or null where it can be followed. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

export type FaultOf = (value: string) => string | null;

/** Past this Node's timers fire at once. */
const mostMilliseconds = 2_147_483_647;
/** Spans or log records: each takes a kilobyte or so. */
const mostQueued = 1_000_000;
const mostAttributeCharacters = 255;

/** Any value can be followed, or another place checks it. */
export const anything: FaultOf = () => null;

/** @param shown whether the value may stand in a message */
export function oneOf(choices: readonly string[]): FaultOf {
  return value => (choices.includes(value) ? null : `must be one of ${choices.join(', ')}`);
}

/** As `oneOf`, in upper or lower case. */
export function oneOfWords(choices: readonly string[]): FaultOf {
  const isChoice = oneOf(choices);
  return value => isChoice(value.toLowerCase());
}

/** A list with commas; `alone` stands for none of the others. */
export function listOf(choices: readonly string[], alone: string): FaultOf {
  return value => {
    const listed = value.split(',').flatMap(item => item.trim() || []);
    const unknown = listed.find(item => !choices.includes(item));
    if (unknown !== undefined) return `may list ${choices.join(', ')} only`;
    const contradicts = listed.includes(alone) && listed.some(item => item !== alone);
    return contradicts ? `lists ${alone} with others; it stands alone` : null;
  };
}

export const milliseconds: FaultOf = wholeNumber(1, mostMilliseconds, ' of milliseconds, without a unit');
export const queueSize: FaultOf = wholeNumber(1, mostQueued);
export const attributeLimit: FaultOf = wholeNumber(0, mostMilliseconds);

function wholeNumber(least: number, most: number, what = ''): FaultOf {
  return value => {
    const isWithin = /^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most;
    return isWithin ? null : `must be a whole number${what}, ${least} to ${most}`;
  };
}

export const ratio: FaultOf = value => {
  const isRatio = /^\d*\.?\d+$/.test(value) && Number(value) <= 1;
  return isRatio ? null : 'must be a ratio from 0 to 1';
};

/** A PEM file that TLS to a collector can use. */
export function pemFile(as: 'ca' | 'cert' | 'key'): FaultOf {
  return path => {
    let pem: Buffer;
    try {
      pem = readFileSync(path);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
      return `names a file that cannot be read (${code})`;
    }
    try {
      createSecureContext({ [as]: pem });
    } catch {
      return 'names a file that is not valid PEM';
    }
    return pem.includes('-----BEGIN ') ? null : 'names a file that is not valid PEM';
  };
}

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerValue = /^[\t\x20-\x7e]+$/;

/** `key=value,…` in percent-encoding (OpenTelemetry's exporter specification). Nothing of it stands in a message: it holds credentials. */
export const headers: FaultOf = value =>
  faultOfPairs(value, (key, text) => {
    if (text.includes(';')) return 'holds a semicolon; write %3B';
    const [name, decoded] = [decode(key), decode(text)];
    if (name === null || decoded === null) return 'is not valid percent-encoding';
    if (!headerName.test(name)) return 'does not begin with the name of a header and =';
    return headerValue.test(decoded) ? null : 'has no value that a header can have';
  });

/** `key=value,…` in percent-encoding (OpenTelemetry's resource specification). */
export const resourceAttributes: FaultOf = value =>
  faultOfPairs(value, (key, text) => {
    if (text.includes('=')) return 'holds a second =; write %3D';
    const [name, decoded] = [decode(key), decode(text)];
    if (name === null || decoded === null) return 'is not valid percent-encoding';
    const isTooLong = Math.max(name.length, decoded.length) > mostAttributeCharacters;
    return isTooLong ? `is longer than ${mostAttributeCharacters} characters` : null;
  });

function faultOfPairs(
  value: string,
  faultOfPair: (key: string, value: string) => string | null,
): string | null {
  const pairs = value.split(',').filter(pair => pair.trim() !== '');
  for (const [index, pair] of pairs.entries()) {
    const at = pair.indexOf('=');
    const key = pair.slice(0, at).trim();
    const fault = at === -1 || key === '' ? 'is not key=value' : faultOfPair(key, pair.slice(at + 1).trim());
    if (fault !== null) return `is not valid: entry ${index + 1} of ${pairs.length} ${fault}`;
  }
  return null;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
