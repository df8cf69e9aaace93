import process from 'node:process';
import { Writable } from 'node:stream';
import packageFile from '../../package.json' with { type: 'json' };
import { systemTime, type TimeSource } from '../../src/clock/time-source.ts';
import { parseBindAddress } from '../../src/config/bind-address.ts';
import { loadConfig } from '../../src/config/load.ts';
import { requireClosedFiles } from '../../src/file-permissions.ts';
import { routeTemplateOf } from '../../src/http/route-template.ts';
import { listen } from '../../src/listening.ts';
import { LogOutput } from '../../src/log-output.ts';
import { createLogger } from '../../src/logging.ts';
import { type Service, startService } from '../../src/service.ts';
import { recordHttpMetrics } from '../../telemetry/http-metrics.ts';
import { startTelemetry } from '../../telemetry/sdk.ts';
import { type AskedService, askedService, type Installation } from './service.ts';

/** The service without a process of its own. */
export interface ServiceInProcess extends AskedService {
  readonly service: Service;
  /** Its log so far. */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts the service in this process: for tests of what it decides and keeps, since a process of its own costs ten times as
 * much. Signals, exit codes and kills are the executable's.
 * @param time the clocks that the service sees
 * @throws StartError
 */
export async function startInProcess(
  installation: Installation,
  time: TimeSource = systemTime,
): Promise<ServiceInProcess> {
  const { configFile, environment } = installation;
  const { version, memoryUsage, cpuUsage } = process;
  process.umask(0o077);
  const config = loadConfig(configFile, environment);
  const requireClosed = () => requireClosedFiles(config, configFile, null);
  requireClosed();
  let log = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      log += chunk;
      done();
    },
  });
  const onError = (error: unknown): never => {
    throw error;
  };
  const logger = createLogger(config.logging, new LogOutput(destination));
  const telemetry = await startTelemetry({
    serviceVersion: packageFile.version,
    process: { version, memoryUsage, cpuUsage, env: environment },
    otlp: config.telemetry.otlp,
    log: logger,
    onError,
  });
  try {
    const service = await startService({
      config,
      version: packageFile.version,
      logger,
      telemetry,
      time,
      requireClosedFiles: requireClosed,
      lastExitReason: null,
      onFatal: onError,
    });
    recordHttpMetrics(service.app.server, telemetry.metrics, routeTemplateOf, telemetry.tracing);
    await service.app.ready();
    await listen(service.app.server, parseBindAddress(config.server.bind_addr, 'server.bind_addr'));
    return {
      ...askedService(installation),
      service,
      output: () => log,
      async stop() {
        await service.stop();
        await telemetry.shutdown();
      },
    };
  } catch (error) {
    await telemetry.shutdown();
    throw error;
  }
}
