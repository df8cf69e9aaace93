import { catalogue, type MetricDefinition } from '../telemetry/catalogue.ts';
import { labelsOf, quantile, rate, series } from './expressions.ts';
import type { PanelDefinition, PanelQuery } from './panel.ts';

/** Grafana's units for those of UCUM; what is counted in braces has none. */
const units: Readonly<Record<string, string>> = { s: 's', By: 'bytes', '1': 'none' };

/** A panel for each metric that no panel shows yet: a new row of the catalogue is in the dashboard without more ado. */
export function furtherMetrics(shown: readonly PanelDefinition[]): PanelDefinition[] {
  const expressions = shown.flatMap(({ queries }) => queries.map(({ expr }) => expr));
  const isShown = ({ name }: MetricDefinition) =>
    expressions.some(expr => new RegExp(`\\b${name}(_bucket|_count|_sum)?\\{`).test(expr));
  return catalogue.filter(definition => !isShown(definition)).map(panelOf);
}

function panelOf(definition: MetricDefinition): PanelDefinition {
  return {
    title: definition.name,
    shape: 'lines',
    width: 6,
    unit: unitOf(definition),
    description: definition.help,
    trouble: 'Compare with the time before.',
    queries: [queryOf(definition)],
  };
}

function unitOf({ kind, unit }: MetricDefinition): string {
  return kind === 'counter' ? 'ops' : (units[unit] ?? 'short');
}

function queryOf(definition: MetricDefinition): PanelQuery {
  const { name, kind } = definition;
  const labels = labelsOf(definition);
  const legend = ['instance', ...labels].map(label => `{{${label}}}`).join(' ');
  // A series with labels appears when what it counts first happens.
  const maybe = labels.length === 0 ? {} : { emptyUntil: 'it first happens' };
  const by = ['instance', ...labels].join(', ');
  switch (kind) {
    case 'gauge':
      return { expr: series(name), legend, ...maybe };
    case 'counter':
      return { expr: rate(name, { by }), legend, ...maybe };
    case 'histogram':
      return { expr: quantile(0.99, name, by), legend: `p99 ${legend}`, emptyUntil: 'it first happens' };
  }
}
