import { catalogue, type MetricDefinition } from '../telemetry/catalogue.ts';

/** Which service the variables of the dashboard choose. */
const chosen = 'job=~"$job", instance=~"$instance"';

const byName = new Map(catalogue.map(definition => [definition.name, definition]));

/** @throws Error when the catalogue lacks the metric: a panel must not ask for what nothing records. */
export function metric(name: string): MetricDefinition {
  const definition = byName.get(name);
  if (definition === undefined) throw new Error(`The catalogue has no metric ${name}.`);
  return definition;
}

/** The labels of a metric in Prometheus. */
export function labelsOf({ attributes }: MetricDefinition): string[] {
  return attributes.map(attribute => attribute.replaceAll('.', '_'));
}

/** The series of a metric; for a histogram, those of its `part`. */
export function series(name: string, { part = '', labels = '' } = {}): string {
  return `${metric(name).name}${part}{${chosen}${labels === '' ? '' : `, ${labels}`}}`;
}

/** The rate of a counter each second, summed over instances and all labels but those of `by`. */
export function rate(name: string, options: { part?: string; labels?: string; by?: string } = {}): string {
  return `${sum(options.by)}(rate(${series(name, options)}[$__rate_interval]))`;
}

/** How much a counter has grown in the window, restarts allowed for. */
export function increase(name: string, window: string): string {
  return `sum(increase(${series(name)}[${window}]))`;
}

/** @param quantile 0 to 1 */
export function quantile(quantile: number, name: string, by = ''): string {
  const labels = by === '' ? 'le' : `le, ${by}`;
  return `histogram_quantile(${quantile}, ${rate(name, { part: '_bucket', by: labels })})`;
}

function sum(by = ''): string {
  return by === '' ? 'sum' : `sum by (${by}) `;
}
