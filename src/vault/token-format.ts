import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * What a bearer token looks like: a prefix, 256 random bits and a checksum, as in GitHub's tokens
 * (https://github.blog/engineering/behind-githubs-new-authentication-token-formats/), so that scanners find one that
 * leaked and a mistyped one is told from an unknown one. docs/FORMAT.md, "Bearer tokens".
 */
const prefix = 'jst_';
const secretBytes = 32;
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Base62 digits that hold 256 bits, and those that hold 32. */
const secretLength = 43;
const checksumLength = 6;

const shape = new RegExp(`^${prefix}[0-9A-Za-z]{${secretLength + checksumLength}}$`);
const checksumAt = prefix.length + secretLength;

export function newToken(): string {
  return formatToken(randomBytes(secretBytes));
}

/** The token of 32 secret bytes. */
export function formatToken(secret: Uint8Array): string {
  const checked = prefix + base62(BigInt(`0x${Buffer.from(secret).toString('hex')}`), secretLength);
  return checked + checksum(checked);
}

/** Whether the text could be a token: its form and its checksum are right. */
export function isTokenText(text: string): boolean {
  return shape.test(text) && text.slice(checksumAt) === checksum(text.slice(0, checksumAt));
}

/** SHA-256 of the token's text, in hexadecimal: what is kept of it. */
export function hashToken(token: string): string {
  return hash('sha256', token);
}

/** CRC-32 (ISO 3309, as in zlib) of prefix and secret. */
function checksum(checked: string): string {
  let text = '';
  // Numbers, not base62() of a bigint: each refusal is checked.
  for (let rest = crc32(checked); text.length < checksumLength; rest = Math.floor(rest / 62)) {
    text = digits.charAt(rest % 62) + text;
  }
  return text;
}

/** The most significant digit first, with leading zeros. */
function base62(number: bigint, length: number): string {
  let text = '';
  for (let rest = number; text.length < length; rest /= 62n) text = digits.charAt(Number(rest % 62n)) + text;
  return text;
}
