import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyMetrics from 'fastify-metrics';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { noteRouteTemplate, routeTemplateOf } from '../../src/http/route-template.ts';
import { catalogue, type MetricKind } from '../../telemetry/catalogue.ts';
import { recordHttpMetrics } from '../../telemetry/http-metrics.ts';
import { startTelemetry } from '../../telemetry/sdk.ts';

/** Has the metrics of a server kept, and returns what a handler calls when it has read a secret. */
type Instrumentation = (app: FastifyInstance) => Promise<(request: FastifyRequest) => void>;

const instrumentations = { none, ours, 'prom-client': promClient, 'fastify-metrics': fastifyPlugin };

export type InstrumentationName = keyof typeof instrumentations;

export const instrumentationNames = Object.keys(instrumentations) as InstrumentationName[];

/** @throws Error when there is no such instrumentation */
export function instrumentation(name: string): Instrumentation {
  const known = instrumentationNames.find(each => each === name);
  if (known === undefined) throw new Error(`no instrumentation ${name}`);
  return instrumentations[known];
}

async function none() {
  return () => undefined;
}

/** All that the service keeps for a read, which is more than the fifteen: the histogram by route, the runtime's metrics. */
async function ours(app: FastifyInstance) {
  const { metrics } = await startTelemetry({
    serviceVersion: 'bench',
    process,
    otlp: { trace_ratio: 0 },
    log: { info: ignore, warn: ignore },
    onError: ignore,
  });
  recordHttpMetrics(app.server, metrics, routeTemplateOf);
  return (request: FastifyRequest) => {
    noteRouteTemplate(request);
    metrics.accessAllowed();
    metrics.decryptionAttempted();
    metrics.auditRecordsWritten(1);
    metrics.secretRetrieved();
  };
}

/** The fifteen and no more, the requests by Fastify's hooks. */
async function promClient(app: FastifyInstance) {
  const { counter, duration } = fifteenInPromClient();
  const received = counter('http_requests_total');
  const succeeded = counter('http_requests_success');
  app.addHook('onRequest', (_request, _reply, done) => {
    received.inc();
    done();
  });
  app.addHook('onResponse', (_request, reply, done) => {
    succeeded.inc();
    duration.observe(reply.elapsedTime / 1000);
    done();
  });
  const allowed = counter('rbac_allowed_total');
  const decrypted = counter('decryption_ops_total');
  const audited = counter('audit_events_total');
  const retrieved = counter('secrets_retrieved_total');
  return () => {
    allowed.inc();
    decrypted.inc();
    audited.inc();
    retrieved.inc();
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

/** With its defaults: a histogram and a summary of durations by route, and the process's metrics. */
async function fastifyPlugin(app: FastifyInstance) {
  await app.register(fastifyMetrics.default, { endpoint: '/metrics' });
  return ignore;
}

function ignore(): void {}
