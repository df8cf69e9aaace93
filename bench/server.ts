/**
 * One variant of what `bench/main.ts` compares, in a process of its own: `bin/pinned-node bench/server.ts VARIANT FOLDER COLLECTOR`.
 * Sends `{port}` over IPC once it listens.
 */
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import Fastify from 'fastify';
import { loadConfig } from '../src/config/load.ts';
import { routeTemplateOf } from '../src/http/route-template.ts';
import { listen } from '../src/listening.ts';
import { LogOutput } from '../src/log-output.ts';
import { createLogger } from '../src/logging.ts';
import { startService } from '../src/service.ts';
import { recordHttpMetrics } from '../telemetry/http-metrics.ts';
import { noMetrics } from '../telemetry/instruments.ts';
import { startTelemetry } from '../telemetry/sdk.ts';
import { noTracing } from '../telemetry/tracing.ts';
import { offerProfile } from './sampling.ts';
import { secretAnswer } from './secret-answer.ts';

const loopback = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;

/**
 * The whole service as src/main.ts wires it; with metrics off nothing listens to requests and the verbs do nothing.
 * @param variant `on`, `off`, `token`, or `traced-` or `instrumented-` and the share of traces that is sampled
 */
async function serviceServer(variant: string, folder: string, collector: string): Promise<Server> {
  const [kind, ratio] = variant.split('-');
  const identity = kind === 'token' ? 'token' : 'header';
  const config = loadConfig(join(folder, 'config.toml'), {
    JARVIS_SECRETSD_SECURITY_IDENTITY: identity,
    // A start tries its address, and several servers start at once.
    JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${join(folder, 'api.sock')}`,
    JARVIS_SECRETSD_LOGGING_LEVEL: 'error',
  });
  const logger = createLogger(config.logging, new LogOutput(process.stderr));
  if (kind === 'instrumented') instrumentHttp();
  const telemetry = await startTelemetry({
    serviceVersion: 'bench',
    process,
    otlp: { ...(ratio === undefined ? {} : { endpoint: collector }), trace_ratio: Number(ratio ?? 0) },
    log: logger,
    onError: fail,
  });
  const metrics = kind === 'off' ? noMetrics() : telemetry.metrics;
  const tracing = kind === 'traced' ? telemetry.tracing : noTracing;
  const { app } = await startService({
    config,
    version: 'bench',
    logger,
    telemetry: { metrics, exposition: telemetry.exposition, tracing },
    requireClosedFiles: () => undefined,
    lastExitReason: null,
    onFatal: fail,
  });
  if (kind !== 'off') recordHttpMetrics(app.server, metrics, routeTemplateOf, tracing);
  await app.ready();
  return app.server;
}

/** Before the SDK's own instrumentations: a module is patched the first time that it is asked for after those. */
function instrumentHttp(): void {
  registerInstrumentations({
    instrumentations: [new HttpInstrumentation({ disableOutgoingRequestInstrumentation: true })],
  });
  createRequire(import.meta.url)('node:http');
}

/** What the framework costs alone: one route. */
async function bareServer(): Promise<Server> {
  const app = Fastify();
  app.get('/', async () => secretAnswer());
  await app.ready();
  return app.server;
}

function fail(error: unknown): never {
  throw error;
}

const [variant = '', folder = '', collector = ''] = process.argv.slice(2);
const server = await (variant === 'bare' ? bareServer() : serviceServer(variant, folder, collector));
await listen(server, loopback);
offerProfile();
const address = server.address();
process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
