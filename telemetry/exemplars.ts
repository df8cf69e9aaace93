import { type HistogramName, metricDefinition } from './catalogue.ts';

/** The span that a measurement belongs to; it is sampled, so that its trace can be found. */
export interface SampledSpan {
  readonly traceId: string;
  readonly spanId: string;
}

/** The last sampled request that fell into a bucket. */
export interface Exemplar extends SampledSpan {
  readonly value: number;
  /** Unix seconds. */
  readonly time: number;
}

/** Series beyond which new ones get no exemplars; methods, routes and statuses make fewer. */
const mostSeries = 1000;

/** Exemplars by bucket, the last one each. The JavaScript SDK keeps none of its own. */
export class Exemplars {
  readonly #series = new Map<string, (Exemplar | undefined)[]>();

  /** @param labels the values of the series' labels, in the catalogue's order */
  note(name: HistogramName, labels: readonly unknown[], value: number, span: SampledSpan): void {
    const key = keyOf(name, labels);
    let buckets = this.#series.get(key);
    if (buckets === undefined) {
      if (this.#series.size >= mostSeries) return;
      buckets = [];
      this.#series.set(key, buckets);
    }
    const bounds = metricDefinition(name).buckets;
    const bucket = bounds.findIndex(bound => value <= bound);
    buckets[bucket === -1 ? bounds.length : bucket] = { ...span, value, time: Date.now() / 1000 };
  }

  /** By bucket, the last one for +Inf; empty where there are none. */
  of(name: string, labels: readonly unknown[]): readonly (Exemplar | undefined)[] {
    return this.#series.get(keyOf(name, labels)) ?? [];
  }
}

function keyOf(name: string, labels: readonly unknown[]): string {
  return [name, ...labels].join(' ');
}
