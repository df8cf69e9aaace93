import process from 'node:process';
import { createNoopMeter, type Meter, type MetricOptions } from '@opentelemetry/api';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';
import { BatchLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import t from 'tap';
import { catalogue, droppedInstruments } from '../../telemetry/catalogue.ts';
import { createMetrics } from '../../telemetry/instruments.ts';
import { observeProcess } from '../../telemetry/process-metrics.ts';
import { PushHealth } from '../../telemetry/push-health.ts';

/** A meter that notes the unit of every instrument created through it. */
function notingMeter(units: Map<string, string | undefined>): Meter {
  return new Proxy(createNoopMeter(), {
    get(target, property: keyof Meter) {
      const member = target[property].bind(target) as (...parameters: unknown[]) => unknown;
      if (!property.startsWith('create')) return member;
      return (name: string, options?: MetricOptions) => {
        units.set(name, options?.unit);
        return member(name, options);
      };
    },
  });
}

/** What the SDK says of itself while it pushes; nothing is sent. */
function pushThrough(meter: Meter): void {
  class NotingProvider extends MeterProvider {
    override getMeter(): Meter {
      return meter;
    }
  }
  const selfObsMeterProvider = new NotingProvider({
    readers: [new PrometheusExporter({ preventServerStart: true })],
    sdkMetricsEnabled: true,
  });
  const options = { url: 'http://127.0.0.1:1', selfObsMeterProvider };
  new BatchSpanProcessor({ exporter: new OTLPTraceExporter(options), selfObsMeterProvider });
  new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(options), selfObsMeterProvider });
  new PushHealth({ warn: () => undefined, info: () => undefined }).observe(meter);
}

t.test('catalogue and created instruments are the same set, with the same units', async t => {
  const units = new Map<string, string | undefined>();
  const meter = notingMeter(units);
  createMetrics(meter);
  observeProcess(meter, process, '9.8.7');
  pushThrough(meter);
  new RuntimeNodeInstrumentation({ enabled: false }).setMeterProvider({ getMeter: () => meter });
  for (const name of droppedInstruments) t.ok(units.delete(name), `${name} exists to be dropped`);
  t.same(
    Object.fromEntries(units),
    Object.fromEntries(catalogue.map(({ instrument, unit }) => [instrument, unit])),
  );
});

t.test('rows are well formed', async t => {
  for (const { name, kind, instrument, help, attributes, buckets } of catalogue) {
    t.match(name, /^[a-z][a-z0-9_]*$/);
    t.equal(name, instrument.replaceAll('.', '_'));
    t.notMatch(help, /[\\"|\n]/, `${name} needs no escaping in exposition or docs`);
    for (const attribute of attributes) t.match(attribute, /^[a-z0-9._]+$/);
    t.same(
      buckets,
      buckets.toSorted((a, b) => a - b),
    );
    t.equal(buckets.length > 0, kind === 'histogram');
  }
  t.equal(new Set(catalogue.map(({ name }) => name)).size, catalogue.length, 'no name twice');
});

t.test('the fifteen carry no labels', async t => {
  const fifteen = catalogue.filter(({ contract }) => contract);
  t.equal(fifteen.length, 15);
  for (const { name, attributes } of fifteen) t.same(attributes, [], name);
});
