import t from 'tap';
import { budgets, isMet, type Measurements } from '../../bench/budgets.ts';
import { benchmarksPage } from '../../bench/document.ts';
import { budgetTable, loadTable, ratioTable, table } from '../../bench/report.ts';

/** What the service promises of its speed; each must stand in the table with its limit. */
const promised: readonly (readonly [what: RegExp, limit: string])[] = [
  [/metrics on against off/, '≥ 0.9'],
  [/metrics add .* p50/, '≤ 0.05 ms'],
  [/the same, p99/, '≤ 1 ms'],
  [/against a bare Fastify route/, '≥ 0.5'],
  [/by token against by header/, '≥ 0.95'],
  [/traces of 1 %/, '≥ 0.8'],
  [/at 80 % of its peak, p99/, '≤ 15 ms'],
  [/durable creates, 64 clients/, '≥ 5,000/s'],
  [/with 1,000,000 secrets against/, '≤ 1.2'],
  [/start to ready with 1,000,000/, '≤ 1,000 ms'],
  [/resident memory when idle/, '≤ 140 MB'],
  [/scrape of `\/metrics`/, '≤ 2 ms'],
];

function sample(requestsPerSecond: number) {
  return {
    requests: requestsPerSecond,
    requestsPerSecond,
    p50: 1,
    p99: 3,
    serverCores: 1,
    serverMicroseconds: 1e6 / requestsPerSecond,
  };
}

function ratio(requestsPerSecond: number) {
  return { requestsPerSecond, serverMicroseconds: 1 / requestsPerSecond };
}

/** Two rounds in which the second is half as fast, and everything keeps to its budget. */
const good: Measurements = {
  samples: new Map([
    ['bare Fastify route', [sample(40_000), sample(20_000)]],
    ['creates, 64 clients', [sample(9000), sample(7000)]],
    ['`/metrics`, one scraper, 1,000,000 secrets', [sample(900), sample(800)]],
  ]),
  ratios: new Map([
    ['`/healthz`: metrics on : off', [ratio(0.95), ratio(0.95)]],
    ['`GET /secret` : bare route', [0.5, 9, 0.6, 0.1, 0.7].map(ratio)],
    ['`GET /secret`: token : header identity', [ratio(1)]],
    ['`GET /secret`: traces at 1 % : off', [ratio(0.9)]],
    ['`GET /secret`: the same 1,000 of 1,000,000 : all over 1,000', [ratio(1)]],
  ]),
  paced: new Map([
    ['`/healthz`, metrics on', [{ requestsPerSecond: 9000, p50: 0.11, p99: 0.5, p999: 1 }]],
    ['`/healthz`, metrics off', [{ requestsPerSecond: 9000, p50: 0.1, p99: 0.4, p999: 1 }]],
    ['`GET /secret` at 80 % of its peak', [{ requestsPerSecond: 9000, p50: 1, p99: 4, p999: 9 }]],
  ]),
  starts: new Map([
    [
      '1,000,000 secrets',
      [
        { milliseconds: 700, megabytes: 120 },
        { milliseconds: 800, megabytes: 122 },
      ],
    ],
  ]),
};

function rowsOf(text: string): string[][] {
  return text
    .trimEnd()
    .split('\n')
    .map(line => line.slice(2, -2).split(' | '));
}

t.test('every budget stands in the table with its limit, and with what was measured', async t => {
  const [, , ...rows] = rowsOf(budgetTable(good));
  t.equal(rows.length, promised.length);
  for (const [index, [what, limit]] of promised.entries()) {
    t.match(rows[index], [what, limit, /\d/, / to /, 'met']);
  }
  t.match(rows[0], [/healthz/, '≥ 0.9', '0.95', '0.95 to 0.95']);
  t.match(rows[7], [/creates/, '≥ 5,000/s', '8,000/s', '7,000 to 9,000']);
});

t.test('what is over its budget, and what was not measured, is not met', async t => {
  for (const budget of budgets) {
    const [worse, better] = budget.limit === 'at least' ? [0.99, 1.01] : [1.01, 0.99];
    t.equal(isMet(budget, [budget.value * better]), true, budget.what);
    t.equal(isMet(budget, [budget.value * worse]), false, budget.what);
    t.equal(isMet(budget, []), false, budget.what);
  }
  const nothing = budgetTable({ samples: new Map(), ratios: new Map(), paced: new Map(), starts: new Map() });
  t.equal(nothing.match(/\*\*not met\*\*/g)?.length, budgets.length);
});

t.test('ratios have their median and the middle half, rows their median and spread', async t => {
  t.match(ratioTable(good.ratios), '| `GET /secret` : bare route | 0.60 | 0.50 to 0.70 | 1.67 |');
  t.match(loadTable(good.samples), '| bare Fastify route | 30000 | 67 % | 1.00 | 3.00 | 1.00 | 37.5 |');
});

t.test('the page says how it was made, where, and how to make it again', async t => {
  const page = benchmarksPage(good, 'A machine', 271.4);
  t.match(page, /^# Benchmarks\n\nWritten by `npm run bench`: one run of 271 seconds/);
  t.match(page, '\nA machine.\n');
  t.match(page, 'audit.sync = "always"');
  t.notMatch(page, /NaN|undefined/);
});

t.test('a table is Markdown with its numbers to the right', async t => {
  t.equal(table(['a', 'b'], [['x', '1']]), '| a | b |\n|---|---:|\n| x | 1 |\n');
});
