import { generateKeyPair, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { type CharacterClass, characterClasses, type Generator } from './generator-spec.ts';

const generateKeys = promisify(generateKeyPair);

/** PKCS#8 in PEM (RFC 5208, RFC 7468) for the private key; who needs the public key derives it. */
const keyEncoding = {
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
} as const;

/** Symbols that need no quoting or escaping in shells' double quotes, .env files and YAML strings. */
const alphabets: Readonly<Record<CharacterClass, string>> = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  digit: '0123456789',
  symbol: '*+,-.:=?@^_~',
};

const alphanumerics = alphabets.lower + alphabets.upper + alphabets.digit;

/** Makes a new value. Keys are made on a thread of the pool: an RSA key takes tens to hundreds of milliseconds. */
export async function generate(generator: Generator): Promise<string> {
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
      return (await generateKeys('ed25519', keyEncoding)).privateKey;
    case 'rsa-2048':
      return (await generateKeys('rsa', { modulusLength: 2048, ...keyEncoding })).privateKey;
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

/** Characters drawn independently and without bias. */
function randomText(alphabet: string, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += alphabet.charAt(randomInt(alphabet.length));
  return text;
}
