import fc from 'fast-check';
import t from 'tap';
import { ByteLimitedCache } from '../../src/store/byte-limited-cache.ts';

t.test('never holds more bytes or entries than it may, and what it holds is what was put last', async t => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    bytes: fc.integer({ min: 0, max: 60 }),
    kind: fc.constantFrom('set', 'get', 'delete'),
  });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), steps => {
        const cache = new ByteLimitedCache<{ bytes: number }>(4, 100, ({ bytes }) => bytes);
        const last = new Map<string, { bytes: number }>();
        for (const { key, bytes, kind } of steps) {
          if (kind === 'set') {
            last.set(key, { bytes });
            cache.set(key, last.get(key) ?? { bytes });
          }
          if (kind === 'delete') {
            last.delete(key);
            cache.delete(key);
          }
          const found = cache.get(key);
          if (found !== undefined && found !== last.get(key)) return false;
          const held = ['a', 'b', 'c', 'd', 'e', 'f']
            .map(each => cache.get(each))
            .filter(each => each !== undefined);
          const sum = held.reduce((total, each) => total + each.bytes, 0);
          if (sum !== cache.bytes || sum > 100 || held.length > 4) return false;
        }
        return true;
      }),
    ),
  );
});

t.test('drops what was used longest ago', async t => {
  const cache = new ByteLimitedCache<number>(10, 10, value => value);
  cache.set('a', 4);
  cache.set('b', 4);
  cache.get('a');
  cache.set('c', 4);
  t.same([cache.get('a'), cache.get('b'), cache.get('c')], [4, undefined, 4]);
  cache.set('d', 11);
  t.equal(cache.get('d'), undefined, 'what is larger than all of it is not kept');
  t.equal(cache.get('a'), 4, 'and drives nothing out');
  cache.clear();
  t.same([cache.bytes, cache.get('a')], [0, undefined]);
});
