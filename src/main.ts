import packageFile from '../package.json' with { type: 'json' };
import type { Exposition } from '../telemetry/exposition.ts';
import { recordHttpMetrics } from '../telemetry/http-metrics.ts';
import { startTelemetry, type Telemetry } from '../telemetry/sdk.ts';
import { formatBindAddress, parseBindAddress } from './config/bind-address.ts';
import type { Config } from './config/schema.ts';
import { tlsFiles } from './config/transport.ts';
import { asStartError, errorMessage } from './errors.ts';
import { exitCode } from './exit-codes.ts';
import { requireClosedFiles } from './file-permissions.ts';
import { Drain } from './http/drain.ts';
import { routeTemplateOf } from './http/route-template.ts';
import { type ExitReason, LastExit } from './last-exit.ts';
import { createScrapeServer, listen } from './listening.ts';
import { createLogger, type Logger } from './logging.ts';
import { drainDeadlineMs, type Service, startService } from './service.ts';
import { type Signals, type StopSignal, throwIfStopped } from './signals.ts';
import { socketAccess } from './socket-access.ts';

/** Milliseconds. Supervisors kill after 10 s; what hangs is cut before. */
const stopDeadline = 9500;

const secondStop = { SIGINT: 'secondInterrupt', SIGQUIT: 'secondQuit', SIGTERM: 'secondTerminate' } as const;

/**
 * Runs the service until a signal ends it. Never returns: the process exits, with a code of the table in exit-codes.ts.
 * @throws StartError when the service cannot start, StartInterrupted when a signal ended the start; nothing is left open
 */
export async function serve(config: Config, configFile: string, signals: Signals): Promise<void> {
  process.umask(0o077);
  requireClosedFiles(config, configFile);
  let bridge: Telemetry['bridgeLog'] = null;
  const logger = createLogger(config.logging, process.stdout, line => bridge?.(line));
  signals.handleSecondStop(signal => endAtOnce(signal, logger));
  const telemetry = await startTelemetry({
    serviceVersion: packageFile.version,
    process,
    otlp: config.telemetry.otlp,
    log: logger,
    onError: error => logger.error({ reason: errorMessage(error) }, 'metrics could not be collected'),
  }).catch(error => {
    throw asStartError(error);
  });
  bridge = telemetry.bridgeLog;
  const lastExit = new LastExit(config.paths.vault_path);
  const die = (reason: ExitReason, error: unknown): never => {
    logger.fatal({ reason: errorMessage(error) }, 'the process must end');
    lastExit.note(reason);
    process.exit(exitCode('failure'));
  };
  process.on('uncaughtException', error => die('uncaught_error', error));
  const service = await startService({
    config,
    version: packageFile.version,
    logger,
    telemetry,
    lastExitReason: lastExit.previous,
    stopRequested: signals.stopRequested,
    onFatal: error => die('store_failure', error),
  });
  recordHttpMetrics(service.app.server, telemetry.metrics, routeTemplateOf, telemetry.tracing);
  const scrapes = await listenAll(config, service, telemetry.exposition, signals.stopRequested);
  lastExit.noteRunning();
  // The ready line comes first: a signal that arrived during the start is handled from here on.
  announce(config, configFile, service, logger);
  signals.handle('SIGHUP', () => {
    service.reloadCertificates();
    reloadPolicy(service, logger);
  });
  signals.handleStop(signal =>
    stopWithin(stopDeadline, signal, logger, async () => {
      await Promise.all([scrapes?.close(drainDeadlineMs), service.stop()]);
      await telemetry.shutdown();
      lastExit.note('clean');
    }),
  );
}

/** Opens the API's listener and, where configured, the one for /metrics; returns the drain of the latter. */
async function listenAll(
  config: Config,
  service: Service,
  exposition: Exposition,
  stopRequested: AbortSignal,
): Promise<Drain | null> {
  try {
    await service.app.ready();
    await throwIfStopped(stopRequested);
    const address = parseBindAddress(config.server.bind_addr, 'server.bind_addr');
    await listen(service.app.server, address, socketAccess(config));
    const { bind_addr } = config.telemetry.prometheus;
    if (bind_addr === undefined) return null;
    const scrapeServer = createScrapeServer(exposition);
    const drain = new Drain(scrapeServer);
    await listen(scrapeServer, parseBindAddress(bind_addr, 'telemetry.prometheus.bind_addr'));
    return drain;
  } catch (error) {
    await service.stop();
    throw error;
  }
}

function announce(config: Config, configFile: string, service: Service, logger: Logger): void {
  if (config.security.identity === 'header') {
    logger.warn(
      'header identity trusts X-Jarvis-Client: it is for one host, where every local user is trusted',
    );
  }
  if (service.isNew) {
    logger.info(
      { master_key: config.paths.master_key_path },
      'a new vault and its master key: keep a copy of the key',
    );
  }
  logger.info(
    {
      version: packageFile.version,
      address: addressOf(config),
      config: configFile,
      vault: config.paths.vault_path,
      audit: config.paths.audit_path,
      audit_key: service.fingerprint,
      policy: config.security.rbac_policy_path,
      secrets: service.secretsCount,
      pid: process.pid,
    },
    'ready',
  );
}

function addressOf(config: Config): string {
  const address = parseBindAddress(config.server.bind_addr, 'server.bind_addr');
  return formatBindAddress(address, tlsFiles(config) === null ? 'http' : 'https');
}

/** Ends the process when `stop` is done. What still hangs at the deadline is cut. */
function stopWithin(deadlineMs: number, signal: StopSignal, logger: Logger, stop: () => Promise<void>): void {
  logger.info({ signal }, 'stopping: finishing requests in flight');
  setTimeout(() => {
    logger.error({ deadline_ms: deadlineMs }, 'the stop took too long: the process ends now');
    process.exit(exitCode('failure'));
  }, deadlineMs).unref();
  stop().then(
    () => {
      logger.info('stopped');
      process.exit(exitCode('success'));
    },
    error => {
      logger.error({ reason: errorMessage(error) }, 'the stop was not clean');
      process.exit(exitCode('failure'));
    },
  );
}

/** For those who do not want to wait for requests in flight. Everything that was acknowledged is durable already. */
function endAtOnce(signal: StopSignal, logger: Logger): never {
  logger.warn({ signal }, 'a second signal: the process ends now, and requests in flight are cut');
  process.exit(exitCode(secondStop[signal]));
}

async function reloadPolicy(service: Service, logger: Logger): Promise<void> {
  try {
    await service.reloadPolicy();
    logger.info('policy reloaded');
  } catch (error) {
    logger.error({ reason: errorMessage(error) }, 'the policy was not reloaded; the one in force stays');
  }
}
