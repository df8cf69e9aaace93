import t from 'tap';
import { Backoff } from '../../src/rotation/backoff.ts';

t.test('past its capacity it forgets the name that failed longest ago', async t => {
  const backoff = new Backoff(2);
  backoff.failed('a', 1);
  backoff.failed('b', 1);
  backoff.failed('a', 1);
  backoff.failed('c', 1);
  t.equal(backoff.size, 2);
  t.equal(backoff.mayTry('b', 2), true, 'forgotten');
  t.equal(backoff.mayTry('a', 2), false);
  t.equal(backoff.mayTry('c', 2), false);
});
