/** What a row of the catalogue says, and the makers of rows. */

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export interface MetricDefinition<Name extends string = string, Kind extends MetricKind = MetricKind> {
  /** The Prometheus series name, the same on every path (scrape, OTLP). */
  readonly name: Name;
  /** The OpenTelemetry instrument name; `name` is this with dots as underscores. */
  readonly instrument: string;
  readonly kind: Kind;
  /** UCUM, as OpenTelemetry wants it: `s`, `By`, `1` or an annotation such as `{request}`. */
  readonly unit: string;
  readonly help: string;
  /** The only attributes that its View lets through; each has few possible values. */
  readonly attributes: readonly string[];
  /** Upper bounds, in the metric's unit; empty for what is no histogram. */
  readonly buckets: readonly number[];
  /** One of the fifteen whose names and meanings never change. */
  readonly contract: boolean;
}

type Options = Partial<Pick<MetricDefinition, 'attributes' | 'buckets' | 'contract'>>;

function define<const Name extends string, const Kind extends MetricKind>(
  kind: Kind,
  instrument: string,
  name: Name,
  unit: string,
  help: string,
  options: Options = {},
): MetricDefinition<Name, Kind> {
  return { name, instrument, kind, unit, help, attributes: [], buckets: [], contract: false, ...options };
}

/** A metric of our own: the instrument is named like the series, unit included where it has one. */
export function counter<const Name extends string>(
  name: Name,
  unit: string,
  help: string,
  options?: Options,
) {
  return define('counter', name, name, unit, help, options);
}
export function gauge<const Name extends string>(name: Name, unit: string, help: string, options?: Options) {
  return define('gauge', name, name, unit, help, options);
}
export function histogram<const Name extends string>(name: Name, help: string, options: Options) {
  return define('histogram', name, name, 's', help, options);
}

type Underscored<Name extends string> = Name extends `${infer Head}.${infer Tail}`
  ? `${Head}_${Underscored<Tail>}`
  : Name;

/** A metric that OpenTelemetry's semantic conventions name: dots become underscores, no suffix is added. */
export function conventional<const Kind extends MetricKind, const Instrument extends string>(
  kind: Kind,
  instrument: Instrument,
  unit: string,
  help: string,
  options?: Options,
) {
  const name = instrument.replaceAll('.', '_') as Underscored<Instrument>;
  return define(kind, instrument, name, unit, help, options);
}
