import process from 'node:process';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { catalogue, type MetricKind } from '../../telemetry/catalogue.ts';
import type { Metrics } from '../../telemetry/instruments.ts';
import { startTelemetry, type Telemetry } from '../../telemetry/sdk.ts';

/** What one read of a secret does to the fifteen metrics. */
export interface ReadRecorder {
  received(): void;
  /** Decided, decrypted, audited and handed out. */
  read(): void;
  succeeded(seconds: number): void;
}

export async function telemetry(): Promise<Telemetry> {
  return await startTelemetry({
    serviceVersion: 'bench',
    process,
    otlp: { trace_ratio: 0 },
    log: { info: ignore, warn: ignore },
    onError: ignore,
  });
}

export function ourRecorder(metrics: Metrics): ReadRecorder {
  return {
    received: () => metrics.requestReceived(),
    read() {
      metrics.accessAllowed();
      metrics.decryptionAttempted();
      metrics.auditRecordsWritten(1);
      metrics.secretRetrieved();
    },
    succeeded(seconds) {
      metrics.requestSucceeded();
      metrics.requestObserved(seconds);
    },
  };
}

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

function ignore(): void {}
