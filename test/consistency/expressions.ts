import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { checkout } from '../helpers/service.ts';

/** A PromQL expression of a shipped file, and where it stands. */
export interface Expression {
  readonly where: string;
  readonly text: string;
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface DashboardPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly panels?: readonly DashboardPanel[];
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly legendFormat: string;
    readonly exemplar: boolean;
  }[];
  readonly links?: readonly { readonly title: string; readonly url: string }[];
  readonly fieldConfig?: {
    readonly defaults: { readonly unit: string; readonly mappings?: readonly unknown[] };
  };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

export interface DashboardVariable {
  readonly name: string;
  readonly type: string;
  readonly label: string;
  readonly query: string;
  readonly datasource?: { readonly uid: string };
  readonly refresh?: number;
  readonly multi?: boolean;
  readonly allValue?: string;
}

export interface ShippedDashboard {
  readonly editable: boolean;
  readonly panels: readonly DashboardPanel[];
  readonly templating: { readonly list: readonly DashboardVariable[] };
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
}

export function read(path: string): string {
  return readFileSync(join(checkout, path), 'utf8');
}

export const dashboard = JSON.parse(read('docs/grafana-dashboard-secrets.json')) as ShippedDashboard;

/** Rows left out, what lies in them taken along. */
export const panels = dashboard.panels
  .flatMap(panel => [panel, ...(panel.panels ?? [])])
  .filter(({ type }) => type !== 'row');

export const rules = (parse(read('prometheus.rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  group => group.rules,
);

/** Every expression of the dashboard, its variables and marks included, as Grafana would send it, and of the rules. */
export const expressions: readonly Expression[] = [
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, text: expr }))),
  ...dashboard.annotations.list.flatMap(({ name, expr }) =>
    expr === undefined ? [] : [{ where: name, text: expr }],
  ),
  ...dashboard.templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, query }) => ({
      where: `$${name}`,
      text: query.replace(/^label_values\((.*), \w+\)$/, '$1'),
    })),
  ...rules.map(({ record, alert, expr }) => ({ where: record ?? alert ?? '', text: expr })),
].map(({ where, text }) => ({ where, text: text.replaceAll('$__rate_interval', '5m') }));

/** A part of an expression: what it is in the grammar, its text, and what it is in, from the outermost down. */
export interface Part {
  readonly kind: string;
  readonly text: string;
  readonly inside: readonly Part[];
}

/** All parts of the expression; where it is no PromQL, some are of the kind `⚠`. */
export function partsOf(expression: string): Part[] {
  const parts: Part[] = [];
  const inside: Part[] = [];
  parser.parse(expression).iterate({
    enter: ({ name, from, to }) => {
      const part = { kind: name, text: expression.slice(from, to), inside: [...inside] };
      parts.push(part);
      inside.push(part);
    },
    leave: () => void inside.pop(),
  });
  return parts;
}
