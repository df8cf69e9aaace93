import t from 'tap';
import { parse } from 'yaml';
import { dashboard, read } from '../consistency/expressions.ts';

interface DataSource {
  readonly uid: string;
  readonly type: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

const folder = 'grafana/provisioning';
const { datasources } = parse(read(`${folder}/datasources/jarvis-secretsd.yaml`)) as {
  datasources: readonly DataSource[];
};

t.test('exemplar, trace and log line lead to one another', async t => {
  const uids = datasources.map(({ uid }) => uid);
  t.equal(new Set(uids).size, datasources.length);
  t.match(
    new Map(datasources.map(({ type, jsonData }) => [type, jsonData])),
    new Map<string, unknown>([
      ['prometheus', { exemplarTraceIdDestinations: [{ name: 'trace_id', datasourceUid: 'tempo' }] }],
      ['tempo', { tracesToLogsV2: { datasourceUid: 'loki', filterByTraceID: true } }],
      ['loki', { derivedFields: [{ datasourceUid: 'tempo' }, { datasourceUid: 'tempo' }] }],
    ]),
  );
  const named = [...JSON.stringify(datasources).matchAll(/"datasourceUid":"(\w+)"/g)].map(([, uid]) => uid);
  t.same(
    named.filter(uid => !uids.includes(uid ?? '')),
    [],
    'every link leads to a data source that is there',
  );
});

t.test('the dashboard finds the data source and is provided from the one file', async t => {
  const { providers } = parse(read(`${folder}/dashboards/jarvis-secretsd.yaml`)) as { providers: unknown[] };
  t.match(providers, [{ type: 'file', options: { path: '/var/lib/grafana/dashboards' } }]);
  const variable = dashboard.templating.list.find(({ name }) => name === 'datasource');
  t.equal(variable?.query, datasources[0]?.type);
});
