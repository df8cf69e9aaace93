import { hash } from 'node:crypto';

const blockBytes = 64;
const digestBytes = 32;

/**
 * HMAC-SHA-256 (RFC 2104) under one key of at most 64 bytes, by one-shot hashes: for the audit log, which makes a tag with each write.
 * `createHmac` costs several times as much there. The bytes of `key` are wiped.
 */
export function hmacSha256(key: Uint8Array): (message: Uint8Array) => Buffer {
  if (key.length > blockBytes) throw new RangeError(`a key of ${key.length} bytes is too long`);
  let inner = Buffer.alloc(blockBytes + 256, 0x36);
  const outer = Buffer.alloc(blockBytes + digestBytes, 0x5c);
  for (const [index, byte] of key.entries()) {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  }
  key.fill(0);
  return message => {
    const length = blockBytes + message.length;
    if (length > inner.length)
      inner = Buffer.concat([inner.subarray(0, blockBytes), Buffer.alloc(message.length)]);
    inner.set(message, blockBytes);
    // Hexadecimal is the fastest way out of the hash.
    outer.write(hash('sha256', inner.subarray(0, length), 'hex'), blockBytes, 'hex');
    return Buffer.from(hash('sha256', outer, 'hex'), 'hex');
  };
}
