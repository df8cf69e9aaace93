/**
 * Builds docs/grafana-dashboard-secrets.json and docs/DASHBOARD.md from the panels described here:
 * `bin/pinned-node grafana/dashboards.ts` writes them, `--check` exits 1 when one is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit, stderr } from 'node:process';
import {
  AnnotationQueryBuilder,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { auditAndStore, requests, runtime, secretsAndCrypto } from './details.ts';
import { dashboardDocument } from './document.ts';
import { series } from './expressions.ts';
import { isItWell, whatIsDue, whoIsDenied } from './first-screen.ts';
import { furtherMetrics } from './further.ts';
import { buildPanel, dataSource, type Row } from './panel.ts';

const handMade: readonly Row[] = [
  { title: 'Is it well?', panels: isItWell },
  { title: 'Who is denied?', panels: whoIsDenied },
  { title: 'What is due?', panels: whatIsDue },
  { title: 'Requests', panels: requests },
  { title: 'Secrets and encryption', panels: secretsAndCrypto },
  { title: 'Audit log and store', panels: auditAndStore },
  { title: 'Runtime', panels: runtime },
];

/** From top to bottom; the first three fit on one screen. */
export const rows: readonly Row[] = [
  ...handMade,
  {
    title: 'Further metrics',
    panels: furtherMetrics(handMade.flatMap(({ panels }) => panels)),
    collapsed: true,
  },
];

/** One dashboard for import by hand and for provisioning: which data source, is a variable. */
export function buildDashboard(): Dashboard {
  const dashboard = new DashboardBuilder('jarvis-secretsd')
    .uid('jarvis-secretsd')
    .description('Is the secrets service well, who is denied, what is due.')
    .tags(['jarvis-secretsd', 'secrets'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .variables(variables())
    .annotations([
      mark('Restarts', 'orange', series('process_start_time_seconds'), '{{instance}} started'),
      mark(
        'Policy reloads',
        'blue',
        `${series('policy_last_reload_timestamp_seconds')} > 0`,
        '{{instance}} loaded its policy',
      ),
    ]);
  let id = 1;
  for (const { title, panels, collapsed } of rows) {
    const row = new RowBuilder(title).id(id++);
    const built = panels.map(definition => buildPanel(definition, id++));
    if (collapsed) {
      for (const panel of built) row.withPanel(panel);
      dashboard.withRow(row.collapsed(true));
    } else {
      dashboard.withRow(row);
      for (const panel of built) dashboard.withPanel(panel);
    }
  }
  return dashboard.build();
}

function variables(): (DatasourceVariableBuilder | QueryVariableBuilder | TextBoxVariableBuilder)[] {
  return [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    choice('job', 'Job', 'label_values(audit_events_total, job)').current({
      text: ['jarvis-secretsd'],
      value: ['jarvis-secretsd'],
    }),
    choice('instance', 'Instance', 'label_values(audit_events_total{job=~"$job"}, instance)').current({
      text: ['All'],
      value: ['$__all'],
    }),
    new TextBoxVariableBuilder('runbook').label('Runbook').defaultValue('docs/RUNBOOK.md'),
  ];
}

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(dataSource)
    .query(query)
    .definition(query)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
}

/** A mark at each time that the gauge has held: its value, in Unix seconds, is the time. */
function mark(name: string, color: string, expr: string, title: string): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(dataSource)
    .enable(true)
    .iconColor(color)
    .expr(`(${expr}) * 1000`)
    .useValueForTime(true)
    .titleFormat(title)
    .textFormat('')
    .tagKeys('');
}

const outputs: readonly (readonly [path: string, text: () => string])[] = [
  ['../docs/grafana-dashboard-secrets.json', () => `${JSON.stringify(buildDashboard(), null, 2)}\n`],
  ['../docs/DASHBOARD.md', () => dashboardDocument(rows)],
];

function main(): void {
  for (const [path, text] of outputs) {
    const file = new URL(path, import.meta.url);
    if (!argv.includes('--check')) {
      writeFileSync(file, text());
    } else if (readFileSync(file, 'utf8') !== text()) {
      stderr.write(`${path} is stale; run \`bin/pinned-node grafana/dashboards.ts\`.\n`);
      exit(1);
    }
  }
}

if (import.meta.main) main();
