import { join } from 'node:path';
import { install, type RunningService, startService } from '../helpers/service.ts';
import { collectorAddresses, startCollector } from './collector.ts';
import { type RunningPrometheus, startPrometheus } from './prometheus.ts';

/** One way of the metrics into Prometheus, and how the service is named there. */
export interface Path {
  readonly title: string;
  readonly service: RunningService;
  readonly job: string;
  readonly instance: string;
  /** Prometheus asks the service itself, which counts each time. */
  readonly isScraped: boolean;
}

/**
 * Three services, a collector and a Prometheus with the shipped files: one service is scraped, one pushes to the
 * collector, one to Prometheus.
 * @param atEnd told how to stop each; the last first
 */
export async function startPaths(
  folder: string,
  atEnd: (stop: () => Promise<unknown>) => void,
): Promise<{ prometheus: RunningPrometheus; paths: readonly Path[] }> {
  const addresses = await collectorAddresses();
  const scrapedInstallation = await install(join(folder, 'scraped'));
  const scrapedAddress = `127.0.0.1:${scrapedInstallation.port}`;
  const prometheus = await startPrometheus(join(folder, 'prometheus'), {
    service: scrapedAddress,
    collectorExporter: addresses.exporter,
    collectorItself: addresses.itself,
  });
  atEnd(() => prometheus.program.stop());
  const collector = await startCollector({ folder, addresses, prometheus: prometheus.url });
  atEnd(() => collector.stop());

  const scraped = await startService(scrapedInstallation);
  atEnd(() => scraped.stop());
  const startPushing = async (instance: string, environment: Record<string, string>) => {
    const service = await startService(
      await install(join(folder, instance), {
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        OTEL_RESOURCE_ATTRIBUTES: `service.instance.id=${instance}`,
        ...environment,
      }),
    );
    atEnd(() => service.stop());
    return service;
  };
  const toCollector = await startPushing('to-collector', {
    JARVIS_SECRETSD_TELEMETRY_OTLP_ENDPOINT: `http://${addresses.otlp}`,
  });
  const toPrometheus = await startPushing('to-prometheus', {
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${prometheus.url}/api/v1/otlp/v1/metrics`,
  });
  return {
    prometheus,
    paths: [
      {
        title: 'service → Prometheus by scrape',
        service: scraped,
        job: 'jarvis-secretsd',
        instance: scrapedAddress,
        isScraped: true,
      },
      {
        title: 'service → collector → Prometheus by scrape of the collector',
        service: toCollector,
        job: 'jarvis-secretsd-collector',
        instance: 'to-collector',
        isScraped: false,
      },
      {
        title: 'service → collector → OTLP → Prometheus',
        service: toCollector,
        job: 'jarvis-secretsd',
        instance: 'to-collector',
        isScraped: false,
      },
      {
        title: 'service → OTLP → Prometheus',
        service: toPrometheus,
        job: 'jarvis-secretsd',
        instance: 'to-prometheus',
        isScraped: false,
      },
    ],
  };
}
