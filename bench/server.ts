/**
 * One variant of what `bench/main.ts` compares, in a process of its own: `node bench/server.ts VARIANT FOLDER`. Sends
 * `{port}` over IPC once it listens.
 */
import type { Server } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import Fastify from 'fastify';
import { loadConfig } from '../src/config/load.ts';
import { routeTemplateOf } from '../src/http/route-template.ts';
import { listen } from '../src/listening.ts';
import { createLogger } from '../src/logging.ts';
import { startService } from '../src/service.ts';
import { recordHttpMetrics } from '../telemetry/http-metrics.ts';
import { noMetrics } from '../telemetry/instruments.ts';
import { startTelemetry } from '../telemetry/sdk.ts';

const loopback = { kind: 'tcp', host: '127.0.0.1', port: 0 } as const;

/** The whole service as src/main.ts wires it; with metrics off nothing listens to requests and the verbs do nothing. */
async function serviceServer(
  folder: string,
  { metricsOn, identity }: { metricsOn: boolean; identity: string },
): Promise<Server> {
  const config = loadConfig(join(folder, 'config.toml'), { JARVIS_SECRETSD_SECURITY_IDENTITY: identity });
  const logger = createLogger(config.logging, process.stderr);
  const telemetry = startTelemetry({
    serviceVersion: 'bench',
    process,
    otlpEndpoint: undefined,
    onError: fail,
  });
  const metrics = metricsOn ? telemetry.metrics : noMetrics();
  const { app } = await startService({
    config,
    version: 'bench',
    logger,
    telemetry: { ...telemetry, metrics },
    lastExitReason: null,
    onFatal: fail,
  });
  if (metricsOn) recordHttpMetrics(app.server, metrics, routeTemplateOf);
  await app.ready();
  return app.server;
}

/** What the framework costs alone: one route that answers an object of the size of a secret's. */
async function bareServer(): Promise<Server> {
  const app = Fastify();
  app.get('/', async () => ({
    name: 'test',
    value: 'val',
    version: 1,
    kid: 'k1',
    created_at: '2026-01-01T00:00:00.000Z',
    expires_at: '2026-04-01T00:00:00.000Z',
    metadata: {},
  }));
  await app.ready();
  return app.server;
}

function fail(error: unknown): never {
  throw error;
}

const [variant, folder = ''] = process.argv.slice(2);
const server = await (variant === 'bare'
  ? bareServer()
  : serviceServer(folder, {
      metricsOn: variant !== 'off',
      identity: variant === 'token' ? 'token' : 'header',
    }));
await listen(server, loopback);
const address = server.address();
process.send?.({ port: typeof address === 'object' ? address?.port : undefined });
