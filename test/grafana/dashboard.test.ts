import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { dashboard, expressions, panels, partsOf, read, rules } from '../consistency/expressions.ts';
import { checkout } from '../helpers/service.ts';

const variable = (name: string) => dashboard.templating.list.find(entry => entry.name === name);

t.test('the committed files are what the panels say now', async t => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(checkout, 'grafana/dashboards.ts'), '--check'],
    { encoding: 'utf8' },
  );
  t.equal(status, 0, stderr);
});

t.test('one file serves import by hand and provisioning', async t => {
  const text = read('docs/grafana-dashboard-secrets.json');
  t.notMatch(text, '__inputs');
  t.notMatch(text, '"uid": "${DS_');
  t.equal(dashboard.editable, false);
});

/**
 * The rules of grafana/dashboard-linter (as of June 2026), one by one. Its module is on no Go proxy, so it is not run itself.
 * Left out: target-logql-rule and target-logql-auto-rule, because the dashboard asks no Loki. target-rate-interval-rule
 * and panel-units-rule are stricter here: no exception for other windows of `rate`, none for units beside words.
 */
t.test('template-datasource-rule, template-job-rule, template-instance-rule', async t => {
  t.match(variable('datasource'), { type: 'datasource', query: 'prometheus', label: 'Data source' });
  for (const [name, label] of [
    ['job', 'Job'],
    ['instance', 'Instance'],
  ] as const) {
    t.match(variable(name), {
      type: 'query',
      label,
      multi: true,
      allValue: '.+',
      datasource: { uid: '$datasource' },
    });
  }
});

t.test('template-label-promql-rule, template-on-time-change-reload-rule', async t => {
  const queries = dashboard.templating.list.filter(({ type }) => type === 'query');
  t.equal(queries.length, 2);
  for (const { name, query, refresh } of queries) {
    t.match(query, /^label_values\(.+, \w+\)$/, `${name}; its selector is parsed in the test of PromQL`);
    t.equal(refresh, 2, `${name} follows the time range`);
  }
});

t.test(
  'panel-datasource-rule, panel-title-description-rule, panel-units-rule, panel-no-targets-rule',
  async t => {
    t.ok(panels.length > 40);
    const units = ['short', 'none', 'reqps', 'ops', 'wps', 'percentunit', 's', 'dtdurations', 'bytes'];
    for (const { title, description, datasource, targets = [], fieldConfig, type } of panels) {
      t.ok(['stat', 'timeseries'].includes(type), `${title} is of a kind whose rules these are`);
      t.ok(title && description, `${title} has title and description`);
      t.equal(datasource?.uid, '$datasource', `${title} takes the data source of the variable`);
      t.ok(
        units.includes(fieldConfig?.defaults.unit ?? ''),
        `${title} has a unit: ${fieldConfig?.defaults.unit}`,
      );
      t.not(targets.length, 0, `${title} asks for something`);
    }
  },
);

t.test(
  'target-promql-rule, target-job-rule, target-instance-rule, target-rate-interval-rule, target-counter-agg-rule',
  async t => {
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        const parts = partsOf(expr.replaceAll('$__rate_interval', '5m'));
        t.notOk(
          parts.some(({ kind }) => kind === '⚠'),
          `${title} is PromQL`,
        );
        for (const { text } of parts.filter(({ kind }) => kind === 'VectorSelector')) {
          t.ok(
            text.includes('job=~"$job", instance=~"$instance"'),
            `${title}: ${text} is of the service chosen`,
          );
        }
        t.notMatch(
          expr,
          /\brate\([^[]*\[(?!\$__rate_interval)/,
          `${title} takes rates over $__rate_interval`,
        );
      }
    }
  },
);

t.test('every counter is read through rate or increase', async t => {
  for (const { where, text } of expressions.filter(({ where }) =>
    panels.some(({ title }) => title === where),
  )) {
    for (const { kind, text: selector, inside } of partsOf(text)) {
      if (kind !== 'VectorSelector' || !/_total\{|_(bucket|count|sum)\{/.test(selector)) continue;
      if (selector.startsWith('secrets_total{')) continue; // a gauge, whatever its name says
      t.ok(
        inside.some(outer => /^(rate|increase)\(/.test(outer.text)),
        `${where}: ${selector}`,
      );
    }
  }
});

t.test('the first screen answers the three questions', async t => {
  const firstRows = dashboard.panels.filter(({ type }) => type === 'row').slice(0, 4);
  t.same(
    firstRows.slice(0, 3).map(({ title }) => title),
    ['Is it well?', 'Who is denied?', 'What is due?'],
  );
  // A screen of 1080 pixels shows about 26 rows of Grafana's grid.
  t.ok((firstRows[3]?.gridPos.y ?? Number.POSITIVE_INFINITY) <= 26);
});

t.test('panels lie side by side: none over another, none past the edge', async t => {
  for (const { title, gridPos: a } of panels) {
    t.ok(a.x + a.w <= 24, title);
    const over = dashboard.panels.filter(
      ({ title: other, type, gridPos: b }) =>
        type !== 'row' &&
        other !== title &&
        a.x < b.x + b.w &&
        b.x < a.x + a.w &&
        a.y < b.y + b.h &&
        b.y < a.y + a.h,
    );
    if (dashboard.panels.some(panel => panel.title === title)) t.same(over, [], title);
  }
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'ids are unique');
});

t.test('each panel links into the runbook, to a section that is there', async t => {
  const alerts = new Set(rules.flatMap(({ alert }) => alert?.toLowerCase() ?? []));
  for (const { title, links = [] } of panels) {
    const [, section] = links[0]?.url.match(/^\$\{runbook\}(?:#(.+))?$/) ?? [];
    t.equal(links.length, 1, title);
    if (section !== undefined) t.ok(alerts.has(section), `${title}: ${section}`);
  }
});

t.test('latency panels show traces, and restarts and policy loads are marked', async t => {
  const withExemplars = panels.filter(({ targets = [] }) => targets.some(({ exemplar }) => exemplar));
  t.same(
    withExemplars.map(({ title }) => title),
    ['Latency of all requests', 'Latency by route'],
  );
  t.match(dashboard.annotations.list, [{ name: 'Restarts' }, { name: 'Policy reloads' }]);
});
