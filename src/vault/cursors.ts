import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { ServiceError } from '../errors.ts';
import { FORMAT, openBytes, sealBytes } from './envelope.ts';
import type { Keyring } from './keyring.ts';
import { netstrings } from './netstring.ts';

const saltBytes = 16;
const keyBytes = 32;
/** Longer than any position, so that the length of a cursor tells nothing. */
const paddedBytes = 272;
/** Far below the 2^32 after which a key with random nonces must not seal any more (NIST SP 800-38D §8.3). */
const mostSeals = 2 ** 30;

interface SaltedKey {
  readonly salt: string;
  readonly key: KeyObject;
}

/**
 * Positions in lists, sealed: a name that stands there may be one that the client may not know of. Each process seals with a key
 * of its own, derived from the vault's and a salt, so that cursors take nothing from the nonces of values.
 */
export class Cursors {
  readonly #keyring: Keyring;
  #own: SaltedKey;
  #seals = 0;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
    this.#own = this.#saltedKey(randomBytes(saltBytes).toString('hex'));
  }

  /** @param reader the client, and which list where it is not that of secrets */
  seal(reader: string, position: string): string {
    this.#seals += 1;
    if (this.#seals > mostSeals) {
      this.#own = this.#saltedKey(randomBytes(saltBytes).toString('hex'));
      this.#seals = 1;
    }
    const padded = Buffer.alloc(paddedBytes);
    padded.write(position);
    const sealed = sealBytes(this.#own.key, this.#context(reader), padded);
    return `${this.#own.salt}.${Buffer.from(sealed).toString('base64url')}`;
  }

  /** @throws ServiceError not_found */
  open(reader: string, cursor: string): string {
    const [salt = '', sealed = ''] = cursor.split('.');
    try {
      const { key } = salt === this.#own.salt ? this.#own : this.#saltedKey(salt);
      const padded = openBytes(key, this.#context(reader), Buffer.from(sealed, 'base64url'));
      return padded.toString('utf8', 0, padded.indexOf(0));
    } catch (error) {
      const message = 'There is no such cursor: this server did not give it to this client.';
      throw new ServiceError('not_found', message, { cause: error });
    }
  }

  #saltedKey(salt: string): SaltedKey {
    const bytes = hkdfSync('sha256', this.#keyring.cursorKey, salt, netstrings([FORMAT, 'cursor']), keyBytes);
    return { salt, key: createSecretKey(Buffer.from(bytes)) };
  }

  #context(reader: string): Uint8Array {
    return netstrings([FORMAT, 'cursor', this.#keyring.vaultId, reader]);
  }
}
