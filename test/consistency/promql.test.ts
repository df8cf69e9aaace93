import t from 'tap';
import { labelsOf } from '../../grafana/expressions.ts';
import { catalogue, type MetricDefinition } from '../../telemetry/catalogue.ts';
import { dashboard, expressions, type Part, panels, partsOf, rules } from './expressions.ts';

/** Labels that Prometheus itself adds. */
const targetLabels = ['job', 'instance'];

/** Every series that an expression may name, with its labels. */
const known = new Map<string, readonly string[]>([
  ['up', targetLabels],
  ...rules.flatMap(({ record }) => (record === undefined ? [] : [named(record, ['job'])])),
  ...catalogue.flatMap(seriesOf),
]);

t.test('every expression of dashboard and rules is PromQL', async t => {
  t.ok(expressions.length > 80, `${expressions.length} expressions`);
  for (const { where, text } of expressions) {
    t.notOk(
      partsOf(text).some(({ kind }) => kind === '⚠'),
      `${where}: ${text}`,
    );
  }
  t.ok(
    partsOf('sum(rate(x[5m])').some(({ kind }) => kind === '⚠'),
    'what is none is seen',
  );
});

t.test('every metric and label in them is in the catalogue', async t => {
  for (const { where, text } of expressions) {
    const parts = partsOf(text);
    const selectors = parts.filter(({ kind }) => kind === 'VectorSelector');
    const available = new Set<string>();
    for (const selector of selectors) {
      const { name, labels } = namesIn(selector, parts);
      const series = known.get(name);
      t.ok(series, `${where}: ${name} exists`);
      for (const label of series ?? []) available.add(label);
      t.same(
        labels.filter(label => !series?.includes(label)),
        [],
        `${where}: ${name} has the labels asked for`,
      );
    }
    const grouped = within(parts, 'GroupingLabels');
    t.same(
      grouped.filter(label => !available.has(label)),
      [],
      `${where}: groups by labels that are there`,
    );
  }
});

t.test('legends and marks name labels that their series have', async t => {
  const labels = new Set([...known.values()].flat());
  const legends = panels.flatMap(({ targets = [] }) => targets.map(({ legendFormat }) => legendFormat));
  const texts = [...legends, JSON.stringify(dashboard.annotations)];
  const named = texts.flatMap(text => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label));
  t.ok(named.length > 10);
  t.same(
    named.filter(label => !labels.has(label)),
    [],
  );
});

t.test('every metric of the catalogue is in the dashboard', async t => {
  const shown = new Set(
    expressions
      .flatMap(({ text }) => partsOf(text).filter(({ kind }) => kind === 'Identifier'))
      .map(({ text }) => text),
  );
  const missing = catalogue.filter(({ name }) => ![name, `${name}_bucket`].some(series => shown.has(series)));
  t.same(missing, []);
});

function namesIn(selector: Part, parts: readonly Part[]): { name: string; labels: string[] } {
  const own = parts.filter(({ inside }) => inside.includes(selector));
  const name = own.find(({ kind }) => kind === 'Identifier')?.text ?? '';
  return { name, labels: own.filter(({ kind }) => kind === 'LabelName').map(({ text }) => text) };
}

function within(parts: readonly Part[], kind: string): string[] {
  return parts
    .filter(part => part.kind === 'LabelName' && part.inside.some(outer => outer.kind === kind))
    .map(({ text }) => text);
}

function seriesOf(definition: MetricDefinition): (readonly [string, readonly string[]])[] {
  const { name, kind } = definition;
  const labels = [...targetLabels, ...labelsOf(definition)];
  if (kind !== 'histogram') return [named(name, labels)];
  return [
    named(`${name}_bucket`, [...labels, 'le']),
    named(`${name}_sum`, labels),
    named(`${name}_count`, labels),
  ];
}

function named(name: string, labels: readonly string[]): readonly [string, readonly string[]] {
  return [name, labels];
}
