import t from 'tap';
import type { Sample } from '../../bench/load.ts';
import { oursAlone, promClientAlone } from '../../bench/peers/calls.ts';
import { peersPage } from '../../bench/peers/document.ts';
import { byToken } from '../../bench/peers/jarvis.ts';
import { openBao } from '../../bench/peers/openbao.ts';
import { choosePeers } from '../../bench/peers/peers.ts';
import type { InstrumentationResult, PeerResult } from '../../bench/peers/results.ts';
import { rustAncestor } from '../../bench/peers/rust-ancestor.ts';

function sample(requestsPerSecond: number, serverMicroseconds: number): Sample {
  return {
    requests: requestsPerSecond,
    requestsPerSecond,
    serverMicroseconds,
    p50: 1,
    p99: 2,
    serverCores: 1,
  };
}

/** Rounds of reads and writes a second. */
function result(peer: PeerResult['peer'], secrets: number, rounds: readonly [number, number][]): PeerResult {
  const samples = rounds.map(([reads, writes]) => ({
    version: '1.2.3',
    reads: sample(reads, 1e6 / reads),
    writes: sample(writes, 1e6 / writes),
  }));
  return { peer, secrets, samples };
}

const { measured, skipped } = choosePeers({
  JARVIS_BENCH_OPENBAO: '/opt/bao',
  JARVIS_BENCH_RUST_ANCESTOR: '',
});
const bao = measured.find(({ name }) => name === openBao.name);

const calls = new Map([
  [oursAlone, [120, 100, 110]],
  [promClientAlone, [300, 310, 320]],
]);

/** Ours is faster than OpenBao by 3, 2 and 4 at reads, by 4 in each round at writes; the ancestor is left out. */
function page(instrumentations: readonly InstrumentationResult[]): string {
  const ours = result(byToken, 0, [
    [3000, 400],
    [2000, 400],
    [4000, 400],
  ]);
  const theirs =
    bao === undefined
      ? []
      : [
          result(
            bao,
            0,
            Array.from({ length: 3 }, () => [1000, 100]),
          ),
        ];
  const many = result(byToken, 10_000, [[9000, 900]]);
  return peersPage({ peers: [many, ours, ...theirs], skipped, instrumentations, calls }, 'A machine', 1);
}

function instrumentations(ours: number): InstrumentationResult[] {
  return [
    { name: 'none', samples: [sample(50_000, 20), sample(50_000, 30)] },
    { name: 'this service, the fifteen', samples: [sample(45_000, 20 + ours), sample(45_000, 30 + ours)] },
    { name: 'prom-client, the same fifteen', samples: [sample(45_000, 23), sample(45_000, 33)] },
  ];
}

t.test('a peer is measured when its variable is set, and this service always', async t => {
  t.same(
    measured.map(({ name, identity }) => `${name}, ${identity}`),
    [
      'jarvis-secretsd, header',
      'jarvis-secretsd, token',
      'jarvis-secretsd (audit.sync = "changes"), token',
      'OpenBao, token',
    ],
  );
  t.same(skipped, [rustAncestor]);
  t.same(choosePeers({}).skipped, [rustAncestor, openBao]);
});

t.test('the report says which variable to set to what, and which peers were left out', async t => {
  const text = page(instrumentations(1));
  t.match(text, /- OpenBao: `JARVIS_BENCH_OPENBAO`, the executable bao of openbao\/openbao\.\n/);
  t.match(text, /- Rust ancestor: `JARVIS_BENCH_RUST_ANCESTOR`, .*\*\*Not set in this run/);
});

t.test('a row has the medians of its rounds, and the secret that is read is among the secrets', async t => {
  const text = page(instrumentations(1));
  t.match(text, '| jarvis-secretsd 1.2.3 | token | 1 | 3000 | 67 % | 333 | 400 | 0 % | 2500 |');
  t.match(text, '| jarvis-secretsd 1.2.3 | token | 10,001 | 9000 |');
});

t.test('a goal is met when the median of the rounds reaches it', async t => {
  const text = page(instrumentations(1));
  t.match(text, '| ≥ 2 × the reads of OpenBao, one secret | 3.00 | 2.00 to 4.00 | met |');
  t.match(text, '| ≥ 5 × the writes of OpenBao, one secret | 4.00 | 4.00 to 4.00 | **not met** |');
  t.match(text, '| ≥ 10 × the writes of Rust ancestor, 10,001 secrets |  |  | not measured |');
});

t.test('each peer says once what its answers stand for', async t => {
  const text = page(instrumentations(1));
  t.equal(text.split(`- **${byToken.name}**`).length, 2);
  t.match(text, `the audit log has ${openBao.guarantees.auditIntegrity}.`);
});

t.test('metrics cost what they add to a request of the same round', async t => {
  const cheap = page(instrumentations(1));
  t.match(cheap, '| this service, the fifteen | 45000 | 26.0 | 1.0 | 1.0 to 1.0 |');
  t.match(cheap, '| this service | 110 | 100 to 120 |');
  t.match(cheap, 'by the request met, by the calls alone met.');
  t.match(page(instrumentations(4)), 'by the request **not met**, by the calls alone met.');
});
