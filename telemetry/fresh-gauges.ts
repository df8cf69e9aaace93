import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import {
  AggregationTemporality,
  type CollectionResult,
  InstrumentType,
  type MetricCollectOptions,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';

/**
 * The SDK merges each reading of a gauge with the one before and keeps the later one by the wall clock: when the clock is set
 * back, gauges stand still until it has caught up. With delta temporality there is nothing to merge, and a point of a gauge
 * carries no temporality. The SDK still compares two readings in a row, so one collection after the step is stale.
 */
function isGauge(type: InstrumentType): boolean {
  return type === InstrumentType.OBSERVABLE_GAUGE || type === InstrumentType.GAUGE;
}

/** Collects for scrapes; never shows a gauge as it was before. */
export class ScrapeReader extends PrometheusExporter {
  #collectedAt = 0;

  constructor() {
    super({ preventServerStart: true });
  }

  override selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return isGauge(type) ? AggregationTemporality.DELTA : super.selectAggregationTemporality(type);
  }

  override async collect(options?: MetricCollectOptions): Promise<CollectionResult> {
    const now = Date.now();
    const wentBack = now < this.#collectedAt;
    this.#collectedAt = now;
    if (wentBack) await super.collect(options);
    return await super.collect(options);
  }
}

/** Collects for pushes. A stale collection is pushed: to throw it away would lose what delta counters counted. */
export class PushReader extends PeriodicExportingMetricReader {
  override selectAggregationTemporality(type: InstrumentType): AggregationTemporality {
    return isGauge(type) ? AggregationTemporality.DELTA : super.selectAggregationTemporality(type);
  }
}
