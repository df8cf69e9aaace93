import {
  AggregationType,
  createAllowListAttributesProcessor,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics';
import { catalogue, droppedInstruments, type MetricDefinition } from './catalogue.ts';

/**
 * One View per catalogue row: it sets help text and buckets, and drops every attribute that the row does not allow. There is no
 * catch-all View: an instrument that two Views match is counted twice.
 */
export const catalogueViews: readonly ViewOptions[] = [
  ...catalogue.map(viewOf),
  ...droppedInstruments.map(instrumentName => ({
    instrumentName,
    aggregation: { type: AggregationType.DROP },
  })),
];

function viewOf({ instrument, help, attributes, kind, buckets }: MetricDefinition): ViewOptions {
  return {
    instrumentName: instrument,
    description: help,
    attributesProcessors: [createAllowListAttributesProcessor([...attributes])],
    aggregation:
      kind === 'histogram'
        ? { type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM, options: { boundaries: [...buckets] } }
        : { type: AggregationType.DEFAULT },
  };
}
