import fc from 'fast-check';
import t from 'tap';
import { checkName, isSecretName, maxNameLength } from '../../src/vault/names.ts';
import { anyCharacter } from '../helpers/text.ts';

/** The rule as it is documented, a character and a segment at a time. */
function naive(name: string): boolean {
  const allowed = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/';
  const segments = name.split('/');
  return (
    name.length >= 1 &&
    name.length <= maxNameLength &&
    [...name].every(character => allowed.includes(character)) &&
    segments.every(segment => segment !== '' && segment !== '.' && segment !== '..')
  );
}

/** Mostly near the border: dots and slashes often, other characters now and then. */
const nearName = fc
  .array(fc.constantFrom('a', 'Z', '0', '_', '-', '.', '..', '/', '//', 'é', ' ', '\n', '\0', '%2e', '／'), {
    maxLength: 12,
  })
  .map(parts => parts.join(''));
const longName = fc.integer({ min: 250, max: 260 }).map(length => 'n'.repeat(length));

t.test('a name is one exactly when the documented rule says so', async t => {
  let good = 0;
  fc.assert(
    fc.property(fc.oneof(nearName, longName, fc.string({ unit: anyCharacter, maxLength: 20 })), name => {
      if (naive(name)) good++;
      return isSecretName(name) === naive(name);
    }),
    { numRuns: 5000 },
  );
  t.ok(good > 200, 'both answers were met');
});

t.test('the error says the rule and does not quote the name', async t => {
  t.throws(() => checkName('s3cr3t value'), {
    code: 'bad_request',
    message: /^A name is 1 to 256 characters/,
  });
  t.throws(() => checkName(''), { code: 'bad_request' });
  t.doesNotThrow(() => checkName('a/b.c'));
});
