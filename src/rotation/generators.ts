import { randomBytes, randomUUID } from 'node:crypto';
import type { GenerationOrder } from '../vault/types.ts';
import { alphabets, type CharacterClass, characterClasses, type Generator } from './generator-spec.ts';
import type { KeyMaker } from './key-maker.ts';

const alphanumerics = alphabets.lower + alphabets.upper + alphabets.digit;

/**
 * Makes a new value.
 * @throws ServiceError as KeyMaker.make does, for keys
 */
export async function generate(
  generator: Generator,
  keys: KeyMaker,
  order: GenerationOrder,
): Promise<string> {
  switch (generator.type) {
    case 'bytes':
      return randomBytes(generator.length ?? 32).toString('base64');
    case 'hex':
      return randomBytes(generator.length ?? 32).toString('hex');
    case 'base64url':
      return randomBytes(generator.length ?? 32).toString('base64url');
    case 'alphanumeric':
      return randomText(alphanumerics, generator.length ?? 32);
    case 'password':
      return password(generator.length ?? 24, generator.classes ?? characterClasses);
    case 'uuid':
      return randomUUID();
    case 'ed25519':
    case 'rsa-2048':
      return await keys.make(generator.type, order);
  }
}

/**
 * Draws whole passwords until one has every class: all such passwords are equally likely, as they are not where missing
 * characters are put in afterwards. At worst (4 characters, 4 classes) one draw in 17 fits.
 */
function password(length: number, classes: readonly CharacterClass[]): string {
  const alphabet = classes.map(name => alphabets[name]).join('');
  for (;;) {
    const candidate = randomText(alphabet, length);
    if (classes.every(name => [...alphabets[name]].some(character => candidate.includes(character)))) {
      return candidate;
    }
  }
}

/**
 * Characters drawn independently and without bias: a byte past the last whole multiple of the alphabet is drawn again. Bytes
 * come many at a time, since a call for each character would hold up the event loop.
 */
function randomText(alphabet: string, length: number): string {
  const fair = 256 - (256 % alphabet.length);
  const text = Buffer.alloc(length);
  for (let drawn = 0; drawn < length; ) {
    for (const byte of randomBytes(2 * (length - drawn))) {
      if (byte < fair && drawn < length) text[drawn++] = alphabet.charCodeAt(byte % alphabet.length);
    }
  }
  return text.toString('latin1');
}
