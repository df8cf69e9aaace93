import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { catalogue, type MetricKind } from '../../telemetry/catalogue.ts';
import type { ReadRecorder } from '../read-recorder.ts';

export function promClientRecorder(): ReadRecorder {
  const { counter, duration } = fifteenInPromClient();
  const received = counter('http_requests_total');
  const succeeded = counter('http_requests_success');
  const allowed = counter('rbac_allowed_total');
  const decrypted = counter('decryption_ops_total');
  const audited = counter('audit_events_total');
  const retrieved = counter('secrets_retrieved_total');
  return {
    received: () => received.inc(),
    read() {
      allowed.inc();
      decrypted.inc();
      audited.inc();
      retrieved.inc();
    },
    succeeded(seconds) {
      succeeded.inc();
      duration.observe(seconds);
    },
  };
}

function fifteenInPromClient() {
  const registers = [new Registry()];
  const ofKind = (wanted: MetricKind) =>
    catalogue.filter(({ contract, kind }) => contract && kind === wanted);
  for (const { name, help } of ofKind('gauge')) new Gauge({ name, help, registers });
  const counters = new Map(
    ofKind('counter').map(({ name, help }) => [name, new Counter({ name, help, registers })]),
  );
  const [duration] = ofKind('histogram').map(
    ({ name, help, buckets }) => new Histogram({ name, help, buckets: [...buckets], registers }),
  );
  return {
    counter: (name: string) => required(counters.get(name), name),
    duration: required(duration, 'histogram'),
  };
}

function required<Metric>(metric: Metric | undefined, name: string): Metric {
  if (metric === undefined) throw new Error(`the fifteen have no ${name}`);
  return metric;
}
