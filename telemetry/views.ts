import {
  AggregationType,
  createAllowListAttributesProcessor,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics';
import { catalogue, type MetricDefinition } from './catalogue.ts';

/**
 * One View per catalogue row: it drops every attribute that the row does not allow and sets the buckets. There is no
 * catch-all View: an instrument that two Views match is counted twice.
 */
export const catalogueViews: readonly ViewOptions[] = catalogue.map(viewOf);

function viewOf({ instrument, attributes, kind, buckets }: MetricDefinition): ViewOptions {
  return {
    instrumentName: instrument,
    attributesProcessors: [createAllowListAttributesProcessor([...attributes])],
    aggregation:
      kind === 'histogram'
        ? { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [...buckets] } }
        : { type: AggregationType.DEFAULT },
  };
}
