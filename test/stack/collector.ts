import { join } from 'node:path';
import { freePort } from '../../tools/free-port.ts';
import { checkout } from '../helpers/service.ts';
import { type Program, startProgram } from './programs.ts';

/** Where a collector listens: host and port each. */
export interface CollectorAddresses {
  readonly otlp: string;
  readonly exporter: string;
  readonly itself: string;
  readonly health: string;
}

export interface CollectorSettings {
  /** Keeps the queues; the same folder again takes up what was left. */
  readonly folder: string;
  readonly addresses: CollectorAddresses;
  /** The base address of Prometheus. */
  readonly prometheus: string;
  /** Files over the shipped otel-collector.yaml. */
  readonly overlays?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export async function collectorAddresses(): Promise<CollectorAddresses> {
  const address = async () => `127.0.0.1:${await freePort()}`;
  return {
    otlp: await address(),
    exporter: await address(),
    itself: await address(),
    health: await address(),
  };
}

/** Starts the collector on the shipped otel-collector.yaml, which takes its addresses from the environment. */
export function startCollector(settings: CollectorSettings): Promise<Program> {
  const { folder, addresses, prometheus, overlays = [], environment = {} } = settings;
  const files = [join(checkout, 'otel-collector.yaml'), ...overlays];
  return startProgram(
    'otelcol',
    files.flatMap(file => ['--config', file]),
    `http://${addresses.health}/`,
    {
      COLLECTOR_OTLP_GRPC: '127.0.0.1:0',
      COLLECTOR_OTLP_HTTP: addresses.otlp,
      COLLECTOR_PROMETHEUS: addresses.exporter,
      COLLECTOR_TELEMETRY_HOST: '127.0.0.1',
      COLLECTOR_TELEMETRY_PORT: addresses.itself.split(':')[1] ?? '',
      COLLECTOR_HEALTH: addresses.health,
      COLLECTOR_QUEUE: join(folder, 'queue'),
      PROMETHEUS_OTLP: `${prometheus}/api/v1/otlp`,
      TRACES_EXPORTER: 'nop',
      LOGS_EXPORTER: 'nop',
      ...environment,
    },
  );
}
