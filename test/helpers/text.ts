import fc from 'fast-check';

/** Any character of Unicode, as fast-check's own unit `binary` is, which takes a second of CPU time to come into being. */
export const anyCharacter: fc.Arbitrary<string> = fc
  .oneof(fc.integer({ min: 0, max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map(point => String.fromCodePoint(point));
