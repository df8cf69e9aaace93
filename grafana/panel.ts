import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  MappingType,
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as LinesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** One panel, as a person describes it; the dashboard and docs/DASHBOARD.md are both built from it. */
export interface PanelDefinition {
  readonly title: string;
  /** One number now, or lines over time. */
  readonly shape: 'stat' | 'lines';
  /** Of 24 columns. */
  readonly width: number;
  /** Grafana's id of the unit. */
  readonly unit: string;
  /** What it shows. */
  readonly description: string;
  /** What to do when it looks wrong. */
  readonly trouble: string;
  /** The section of docs/RUNBOOK.md, which is named after an alert. */
  readonly runbook?: string;
  readonly queries: readonly PanelQuery[];
  /** From which value on it is which colour; green below the first. */
  readonly thresholds?: readonly (readonly [from: number, color: 'yellow' | 'red' | 'green'])[];
  /** Words in place of numbers, with their colours. */
  readonly words?: Readonly<Record<string, readonly [text: string, color: 'green' | 'red']>>;
}

export interface PanelQuery {
  readonly expr: string;
  readonly legend: string;
  /** Shows traces of single requests as points. */
  readonly exemplars?: true;
  /** When the query has no data on a service that works; without it, data is promised. */
  readonly emptyUntil?: string;
}

/** Panels under one heading; the panels of a folded row are loaded when it is opened. */
export interface Row {
  readonly title: string;
  readonly panels: readonly PanelDefinition[];
  readonly collapsed?: true;
}

export const dataSource = { type: 'prometheus', uid: '$datasource' };

export function buildPanel(definition: PanelDefinition, id: number): Builder<Panel> {
  const panel = definition.shape === 'stat' ? statPanel(definition) : linesPanel(definition);
  panel
    .id(id)
    .title(definition.title)
    .description(definition.description)
    .datasource(dataSource)
    .unit(definition.unit)
    .span(definition.width)
    .links([runbookLink(definition.runbook)])
    .thresholds(thresholdsOf(definition.thresholds ?? []));
  for (const [index, query] of definition.queries.entries()) panel.withTarget(target(query, index));
  return panel;
}

function statPanel({ words = {} }: PanelDefinition): StatBuilder {
  const options = Object.fromEntries(
    Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }]),
  );
  const panel = new StatBuilder()
    .height(4)
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .noValue('no data');
  if (Object.keys(options).length > 0) panel.mappings([{ type: MappingType.ValueToText, options }]);
  return panel;
}

function linesPanel({ thresholds }: PanelDefinition): LinesBuilder {
  return new LinesBuilder()
    .height(8)
    .min(0)
    .lineWidth(1)
    .fillOpacity(thresholds === undefined ? 10 : 0)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
}

function thresholdsOf(steps: readonly (readonly [number, string])[]): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: 'green' }, ...steps.map(([value, color]) => ({ value, color }))]);
}

/** The variable `runbook` says where the reader keeps docs/RUNBOOK.md. */
function runbookLink(section = ''): DashboardLinkBuilder {
  return new DashboardLinkBuilder('Runbook')
    .type(DashboardLinkType.Link)
    .url(`\${runbook}${section === '' ? '' : `#${section.toLowerCase()}`}`)
    .targetBlank(true);
}

function target({ expr, legend, exemplars }: PanelQuery, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(dataSource)
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .expr(expr)
    .legendFormat(legend)
    .range()
    .exemplar(exemplars === true);
}
