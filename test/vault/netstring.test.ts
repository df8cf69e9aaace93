import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { netstrings } from '../../src/vault/netstring.ts';

t.test('lengths count bytes, not characters', async t => {
  t.equal(netstrings(['jarvis', '', 'é']).toString(), '6:jarvis,0:,2:é,');
});

t.test('an encoding has exactly one reading', async t => {
  const fields = fc.array(fc.string({ unit: fc.constantFrom('a', '1', ':', ',', '0', 'é', '🗝') }));
  fc.assert(fc.property(fields, list => isDeepStrictEqual(decode(netstrings(list)), list)));
  t.pass();
});

t.test('a lone surrogate is refused, not replaced', async t => {
  t.throws(() => netstrings(['\ud800']), TypeError);
});

function decode(bytes: Buffer): string[] {
  const fields: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const colon = bytes.indexOf(':', at);
    const end = colon + 1 + Number(bytes.subarray(at, colon).toString());
    fields.push(bytes.subarray(colon + 1, end).toString());
    at = end + 1;
  }
  return fields;
}
