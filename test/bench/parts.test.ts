import t from 'tap';
import { parts, timesOf } from '../../bench/parts.ts';
import type { ProfileNode } from '../../bench/sampling.ts';

const src = 'file:///checkout/src';

function node(id: number, functionName: string, url: string, children: readonly number[] = []): ProfileNode {
  return { id, callFrame: { functionName, url }, children };
}

t.test('the time of a function is its own part, or that of whoever called it', async t => {
  const nodes = [
    node(1, '(root)', '', [2, 3, 9, 10]),
    node(2, '(idle)', ''),
    node(3, 'emit', 'node:events', [4]),
    node(4, 'routeHandler', 'file:///checkout/node_modules/fastify/lib/route.js', [5, 6]),
    node(5, 'open', `${src}/vault/envelope.ts`, [7]),
    node(6, 'write', `${src}/audit/segment.ts`, [8]),
    node(7, 'createDecipheriv', 'node:crypto', [11]),
    node(8, 'writeSync', 'node:fs'),
    node(9, '(garbage collector)', ''),
    node(10, 'compile', 'node:internal/modules/esm/utils'),
    node(11, 'CipherBase', ''),
  ];
  const samples = [2, 3, 4, 11, 8, 9, 10];
  const timeDeltas = [1000, 10, 20, 30, 15, 5, 20];
  const times = timesOf({ nodes, samples, timeDeltas });
  t.strictSame([...times.keys()], parts);
  t.match(Object.fromEntries(times), {
    'encryption, decryption, signatures of rows': 30,
    'audit record: line, hash, write, fsync': 15,
    Fastify: 20,
    'Node: HTTP, sockets, timers': 10,
    'Node: the rest': 20,
    'garbage collection': 5,
  });
});
