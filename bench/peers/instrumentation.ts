import type { FastifyInstance, FastifyRequest } from 'fastify';
import fastifyMetrics from 'fastify-metrics';
import { noteRouteTemplate, routeTemplateOf } from '../../src/http/route-template.ts';
import { recordHttpMetrics } from '../../telemetry/http-metrics.ts';
import { ourRecorder, telemetry } from '../read-recorder.ts';
import { promClientRecorder } from './prom-client-recorder.ts';

/** Has the metrics of a server kept, and returns what a handler calls when it has read a secret. */
type Instrumentation = (app: FastifyInstance) => Promise<(request: FastifyRequest) => void>;

const instrumentations = {
  none: async () => () => undefined,
  'this service, the fifteen': ourFifteen,
  'prom-client, the same fifteen': promClient,
  'this service, all it has': allOfOurs,
  'fastify-metrics, by default': fastifyPlugin,
} satisfies Record<string, Instrumentation>;

export type InstrumentationName = keyof typeof instrumentations;

export const instrumentationNames = Object.keys(instrumentations) as InstrumentationName[];

/** @throws Error when there is no such instrumentation */
export function instrumentation(name: string): Instrumentation {
  const known = instrumentationNames.find(each => each === name);
  if (known === undefined) throw new Error(`no instrumentation ${name}`);
  return instrumentations[known];
}

/** A request without a route template is in none but the fifteen. */
async function ourFifteen(app: FastifyInstance) {
  const { metrics } = await telemetry();
  recordHttpMetrics(app.server, metrics, () => undefined);
  return ourRecorder(metrics).read;
}

/** The histogram by route, too. */
async function allOfOurs(app: FastifyInstance) {
  const { metrics } = await telemetry();
  recordHttpMetrics(app.server, metrics, routeTemplateOf);
  const { read } = ourRecorder(metrics);
  return (request: FastifyRequest) => {
    noteRouteTemplate(request);
    read();
  };
}

/** The requests by Fastify's hooks. */
async function promClient(app: FastifyInstance) {
  const { received, read, succeeded } = promClientRecorder();
  app.addHook('onRequest', (_request, _reply, done) => {
    received();
    done();
  });
  app.addHook('onResponse', (_request, reply, done) => {
    succeeded(reply.elapsedTime / 1000);
    done();
  });
  return read;
}

/** A histogram and a summary of durations by route, and the process's metrics. */
async function fastifyPlugin(app: FastifyInstance) {
  await app.register(fastifyMetrics.default, { endpoint: '/metrics' });
  return () => undefined;
}
