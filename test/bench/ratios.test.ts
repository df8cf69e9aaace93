import t from 'tap';
import { ratiosOf } from '../../bench/ratios.ts';

function sample(requestsPerSecond: number) {
  return {
    requests: 1,
    requestsPerSecond,
    p50: 1,
    p99: 3,
    serverCores: 1,
    serverMicroseconds: 1e6 / requestsPerSecond,
  };
}

const halves = [{ name: 'half', of: 'slow', to: 'fast' }];

/** The machine is three times as fast in the last turn; the second of the slow one fell together with a pause. */
const turns = new Map([
  ['slow', [100, 10, 300].map(sample)],
  ['fast', [200, 200, 600].map(sample)],
]);

t.test('each sample is divided by its neighbour, whatever the machine does meanwhile', async t => {
  t.same(ratiosOf(halves, turns).get('half'), [
    { requestsPerSecond: 0.5, serverMicroseconds: 2 },
    { requestsPerSecond: 0.05, serverMicroseconds: 20 },
    { requestsPerSecond: 0.5, serverMicroseconds: 2 },
  ]);
  t.same(ratiosOf(halves, new Map()).get('half'), [], 'what was not measured has none');
});
