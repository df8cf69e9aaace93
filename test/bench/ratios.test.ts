import t from 'tap';
import { type RatioSample, ratiosOf, recordRatios } from '../../bench/ratios.ts';
import type { Rounds } from '../../bench/rounds.ts';

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

t.test('turn by turn, a machine that changes and a pause leave the ratio as it is', async t => {
  const recorded: Rounds<RatioSample> = new Map();
  recordRatios(halves, turns, recorded);
  recordRatios(halves, turns, recorded);
  const half = { requestsPerSecond: 0.5, serverMicroseconds: 2 };
  t.same(recorded, new Map([['half', [half, half]]]), 'one for each round');
});

t.test('round by round, each has its own', async t => {
  const rounds = ratiosOf(halves, turns).get('half') ?? [];
  t.same(
    rounds.map(round => round.requestsPerSecond),
    [0.5, 0.05, 0.5],
  );
  t.same(ratiosOf(halves, new Map()).get('half'), [], 'what was not measured has none');
});
