import type { Profile, ProfileNode } from './sampling.ts';

/** Whose time a function's is, by where its code stands; what matches none counts as its caller's. */
const owners: readonly (readonly [part: string, url: RegExp])[] = [
  [
    'encryption, decryption, signatures of rows',
    /\/src\/vault\/(?:envelope|keyring|netstring|row-mac|rows)\.ts$/,
  ],
  ['audit record: line, hash, write, fsync', /\/src\/audit\//],
  ['policy, vault, store', /\/src\/(?:vault|policy|store)\//],
  ['identity, limits, bodies, headers', /\/src\//],
  ['metrics', /\/telemetry\/|\/@opentelemetry\//],
  ['Fastify', /\/node_modules\//],
  [
    'Node: HTTP, sockets, timers',
    /^node:(?:_http|net$|events$|timers|internal\/(?:http|net|stream|timers|process|async|event))/,
  ],
];
const rest = 'Node: the rest';
const collector = 'garbage collection';

/** Parts that take no time of the main thread. */
const idle = new Set(['(idle)', '(root)']);

export const parts: readonly string[] = [...owners.map(([part]) => part), rest, collector];

/** How long the main thread worked for each part, in microseconds. */
export function timesOf({ nodes, samples = [], timeDeltas = [] }: Profile): Map<string, number> {
  const known = new Map(nodes.map(node => [node.id, node]));
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map(child => [child, id])));
  const times = new Map(parts.map(part => [part, 0]));
  samples.forEach((id, index) => {
    const part = partOf(id, known, callers);
    if (part !== null) times.set(part, (times.get(part) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}

/** Null for a sample of doing nothing. */
function partOf(
  sampled: number,
  known: ReadonlyMap<number, ProfileNode>,
  callers: ReadonlyMap<number, number>,
): string | null {
  for (let id: number | undefined = sampled; id !== undefined; id = callers.get(id)) {
    const { functionName = '', url = '' } = known.get(id)?.callFrame ?? {};
    if (id === sampled && idle.has(functionName)) return null;
    if (functionName === '(garbage collector)') return collector;
    const owner = owners.find(([, pattern]) => pattern.test(url));
    if (owner !== undefined) return owner[0];
  }
  return rest;
}
