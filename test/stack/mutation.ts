import type { Random } from './random.ts';

type Mutation = (bytes: Buffer, at: number, random: Random, tokens: readonly [string, ...string[]]) => Buffer;

const mutations: readonly [Mutation, ...Mutation[]] = [
  (bytes, at, random) => spliced(bytes, at, 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << random.below(8))])),
  (bytes, at, random) => spliced(bytes, at, 0, Buffer.from([random.below(256)])),
  (bytes, at, random) => spliced(bytes, at, 1 + random.below(8), Buffer.alloc(0)),
  (bytes, at, random) => spliced(bytes, at, 0, bytes.subarray(at, at + 1 + random.below(64))),
  (bytes, at, random, tokens) => spliced(bytes, at, 0, Buffer.from(random.pick(tokens), 'latin1')),
  (bytes, at, random, tokens) =>
    spliced(bytes, at, 1 + random.below(4), Buffer.from(random.pick(tokens), 'latin1')),
  (bytes, at) => bytes.subarray(0, at),
];

/**
 * Damages the bytes in one to three places: flipped bits, bytes and pieces inserted, dropped or repeated, the end cut off.
 * @param tokens what means something in the format, for it to turn up in the wrong place
 */
export function mutate(bytes: Buffer, random: Random, tokens: readonly [string, ...string[]]): Buffer {
  let result = bytes;
  for (let left = 1 + random.below(3); left > 0; left--) {
    result = random.pick(mutations)(result, random.below(result.length + 1), random, tokens);
  }
  return result;
}

function spliced(bytes: Buffer, at: number, drop: number, insert: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + drop)]);
}
