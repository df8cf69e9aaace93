import t from 'tap';
import { rows } from '../../grafana/dashboards.ts';
import type { RunningService } from '../helpers/service.ts';
import { type ContractName, contract } from '../metrics/contract.ts';
import { type Path, startPaths } from './paths.ts';
import { until } from './programs.ts';
import type { RunningPrometheus, Sample } from './prometheus.ts';
import { campaignOnly, stackTimeout } from './tools.ts';
import { driveRound, oneRound } from './traffic.ts';

const rounds = 2;
/** Counted by every request, and so by every scrape. */
const countedByScrapes: readonly ContractName[] = [
  'http_requests_total',
  'http_requests_success',
  'http_request_duration_seconds_count',
];

t.setTimeout(stackTimeout);

t.test('metrics by four paths', { skip: campaignOnly }, async t => {
  const { prometheus, paths } = await startPaths(t.testdir(), stop => t.teardown(stop));
  const services = [...new Set(paths.map(({ service }) => service))];
  for (let round = 1; round <= rounds; round++) {
    for (const service of services) await driveRound(service, `round-${round}`);
    // A rate needs a sample from before.
    for (const path of paths) await arrived(prometheus, path, round * oneRound.http_requests_total);
  }
  // By our own scrape of each, which is one request more.
  const records = new Map<RunningService, number | undefined>();
  for (const service of services) records.set(service, (await service.scrape()).get('audit_events_total'));
  for (const path of paths) await arrived(prometheus, path, rounds * oneRound.http_requests_total + 1);

  const table: string[][] = [];
  for (const path of paths) {
    const values: string[] = [];
    await t.test(`${path.title}: the fifteen, by their literal names, with the right values`, async t => {
      for (const name of contract) {
        const value = await read(prometheus, path, name);
        values.push(String(value));
        const expected = name === 'audit_events_total' ? records.get(path.service) : rounds * oneRound[name];
        t.equal(value, countedByScrapes.includes(name) ? Number(expected) + 1 : expected, name);
      }
    });
    table.push(values);

    await t.test(`${path.title}: quantiles of the histogram`, async t => {
      const buckets = `sum by (le) (http_request_duration_seconds_bucket{${selectorOf(path)}})`;
      for (const quantile of [0.5, 0.95, 0.99]) {
        const [sample] = await prometheus.query(`histogram_quantile(${quantile}, ${buckets})`);
        t.ok(sample !== undefined && sample.value > 0 && sample.value <= 0.1, `p${quantile * 100}`);
      }
    });

    await t.test(`${path.title}: every expression of the dashboard`, async t => {
      const queries = rows.flatMap(({ panels }) => panels).flatMap(({ queries }) => queries);
      for (const { expr, emptyUntil } of queries) {
        const samples = await prometheus.query(asChosen(expr, path));
        if (emptyUntil !== happensByItself) t.ok(hasData(samples), expr);
      }
    });
  }
  t.comment(['', ...paths.map(({ title }) => title)].join(' | '));
  for (const [row, name] of contract.entries()) {
    t.comment([name, ...table.map(values => values[row])].join(' | '));
  }

  await t.test(
    'every rule is evaluated without an error, and nothing is wrong with a service that works',
    async t => {
      const rules = await loadedRules(prometheus);
      t.ok(rules.length > 20, 'the rules are loaded');
      for (const { name, health, lastError = '' } of rules) t.equal(health, 'ok', `${name} ${lastError}`);
      const alerts = await prometheus.query('count by (alertname) (ALERTS{alertstate="firing"})');
      t.same(
        alerts.map(({ labels }) => labels['alertname']),
        ['JarvisSecretsdWatchdog'],
      );
    },
  );
});

/** Of panels that show what no traffic of ours brings about. */
const happensByItself = 'it first happens';

async function arrived(prometheus: RunningPrometheus, path: Path, requests: number): Promise<void> {
  await until(`${requests} requests have arrived by ${path.title}`, async () => {
    const counts = await Promise.all(countedByScrapes.map(name => read(prometheus, path, name)));
    return counts.at(0) === requests && counts.at(-1) === requests;
  });
}

/** The newest value, less the scrapes that Prometheus itself has made of the service. */
async function read(
  prometheus: RunningPrometheus,
  path: Path,
  name: ContractName,
): Promise<number | undefined> {
  const scrapes = `sum_over_time(up{${selectorOf(path)}}[1h])`;
  const own = name === 'http_requests_total' ? scrapes : `(${scrapes} - 1)`;
  const isAdjusted = path.isScraped && countedByScrapes.includes(name);
  const series = `${name}{${selectorOf(path)}}`;
  const samples = await prometheus.query(isAdjusted ? `${series} - ${own}` : series);
  if (samples.length > 1) throw new Error(`${name} is there ${samples.length} times by ${path.title}`);
  return samples[0]?.value;
}

function selectorOf({ job, instance }: Path): string {
  return `job="${job}", instance="${instance}"`;
}

/** The expression as Grafana sends it when the path's job and instance are chosen. */
function asChosen(expression: string, { job, instance }: Path): string {
  return expression
    .replaceAll('$job', job)
    .replaceAll('$instance', instance)
    .replaceAll('$__rate_interval', '1m');
}

function hasData(samples: readonly Sample[]): boolean {
  return samples.some(({ value }) => Number.isFinite(value));
}

interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
}

async function loadedRules(prometheus: RunningPrometheus): Promise<LoadedRule[]> {
  const { groups } = (await prometheus.api('/api/v1/rules')) as { groups: { rules: LoadedRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}
