import { isatty } from 'node:tty';
import packageFile from '../package.json' with { type: 'json' };
import { startTelemetry, type Telemetry } from '../telemetry/sdk.ts';
import { formatBindAddress, parseBindAddress } from './config/bind-address.ts';
import type { Config } from './config/schema.ts';
import { tlsFiles } from './config/transport.ts';
import { asStartError, errorMessage } from './errors.ts';
import { exitCode } from './exit-codes.ts';
import { requireClosedFiles } from './file-permissions.ts';
import { Handover } from './hand-over.ts';
import { commandOf } from './handover/command.ts';
import { requireConfigured } from './handover/configured-sockets.ts';
import { takeInheritedSockets } from './handover/inherited-sockets.ts';
import type { ListenerAddresses } from './handover/messages.ts';
import { Predecessor } from './handover/predecessor.ts';
import { handoverRefusal } from './handover/refusal.ts';
import { type ExitReason, LastExit } from './last-exit.ts';
import { LogOutput } from './log-output.ts';
import { createLogger, type Logger } from './logging.ts';
import { RunningService, type RunningServiceOptions } from './running-service.ts';
import { watchScriptRunner } from './script-runner.ts';
import type { Service } from './service.ts';
import type { Signals, StopSignal } from './signals.ts';
import { requireStartable } from './start-check.ts';
import { Supervisor } from './supervisor.ts';

/** Milliseconds. Supervisors kill after 10 s; what hangs is cut before. */
const stopDeadline = 9500;
/** A predecessor that was killed may still hold its lock for a moment. */
const lockPatienceMs = 5000;

const secondStop = {
  SIGHUP: 'secondTerminate',
  SIGINT: 'secondInterrupt',
  SIGQUIT: 'secondQuit',
  SIGTERM: 'secondTerminate',
} as const;

/**
 * Runs the service until a signal ends it, or a successor takes its place. Never returns: the process exits, with a code of the
 * table in exit-codes.ts.
 * @throws StartError when the service cannot start, StartInterrupted when a signal ended the start; nothing is left open
 */
export async function serve(config: Config, configFile: string, signals: Signals): Promise<void> {
  const command = commandOf(process);
  const predecessor = Predecessor.of(process);
  const inherited = takeInheritedSockets(process, predecessor !== null);
  process.umask(0o077);
  if (predecessor === null) await requireConfigured(inherited, config);
  const requireClosed = () => requireClosedFiles(config, configFile, process.geteuid?.() ?? null);
  requireClosed();
  let bridge: Telemetry['bridgeLog'] = null;
  const logger = createLogger(config.logging, new LogOutput(process.stdout), line => bridge?.(line));
  signals.handleSecondStop(signal => endAtOnce(signal, logger));
  watchScriptRunner(process, parent => {
    logger.warn({ parent }, 'npm, which started the service, has ended: the service stops too');
    process.kill(process.pid, 'SIGTERM');
  });
  const supervisor = new Supervisor(process, logger);
  supervisor.starting();
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
  // The file next to the vault is for the process that has the vault.
  let lastExit: LastExit | null = null;
  const die = (reason: ExitReason, error: unknown): never => {
    logger.fatal({ reason: errorMessage(error) }, 'the process must end');
    lastExit?.note(reason);
    process.exit(exitCode('failure'));
  };
  process.on('uncaughtException', error => die('uncaught_error', error));
  const addresses = addressesOf(config);
  let ownsSocketFile = false;
  if (predecessor !== null) {
    await requireStartable(config);
    ({ ownsSocketFile } = await predecessor.takeOver(inherited, addresses, signals.stopRequested));
  }
  const start = async (
    sockets: Pick<RunningServiceOptions, 'handles' | 'ownsSocketFile' | 'previous' | 'stopRequested'>,
  ): Promise<RunningService> => {
    lastExit = new LastExit(config.paths.vault_path);
    const started = await RunningService.start({
      ...sockets,
      config,
      version: packageFile.version,
      logger,
      telemetry,
      requireClosedFiles: requireClosed,
      lastExitReason: lastExit.previous,
      lockPatienceMs: predecessor === null ? 0 : lockPatienceMs,
      onFatal: error => die('store_failure', error),
    });
    lastExit.noteRunning();
    return started;
  };
  const handles = new Map([...inherited].map(([name, { handle }]) => [name, handle]));
  let running = await start({ handles, ownsSocketFile, stopRequested: signals.stopRequested });
  // The ready line comes first: a signal that arrived during the start is handled from here on.
  announce(config, configFile, running.service, logger);
  supervisor.ready(`serving ${addressOf(config)}`);
  if (predecessor !== null) {
    // To systemd the service would have ended if its predecessor ended first.
    await supervisor.told();
    await predecessor.ready();
  }
  const handover = new Handover({
    command,
    refusal: () => handoverRefusal(process),
    addresses,
    running: () => running,
    onStopped: () => {
      lastExit?.note('clean');
      lastExit = null;
    },
    restart: async (spareHandles, ownsFile) => {
      running = await start({
        handles: spareHandles,
        ownsSocketFile: ownsFile,
        previous: running.service,
      });
    },
    onCompleted: async () => {
      await telemetry.shutdown();
      process.exit(exitCode('success'));
    },
    metrics: telemetry.metrics,
    logger,
  });
  signals.handle('SIGUSR2', () => handover.start());
  const logsToTerminal = isatty(process.stdout.fd);
  signals.handle('SIGHUP', () => {
    if (logsToTerminal && !isatty(process.stdout.fd)) {
      signals.requestStop('SIGHUP');
      return;
    }
    if (handover.forward('SIGHUP')) return;
    supervisor.reloading();
    running.service.reloadCertificates();
    reloadPolicy(running.service, logger).then(outcome => {
      supervisor.ready(`serving ${addressOf(config)}; ${outcome}`);
    });
  });
  signals.handleStop(signal =>
    stopWithin(stopDeadline, signal, logger, async () => {
      const told = supervisor.stopping();
      if (await handover.abandon(signal)) await running.stop();
      await told;
      await telemetry.shutdown();
      lastExit?.note('clean');
    }),
  );
}

/** As they are compared before a handover. */
function addressesOf({ server, telemetry }: Config): ListenerAddresses {
  return { api: server.bind_addr, metrics: telemetry.prometheus.bind_addr ?? null };
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
      writer_epoch: service.writerEpoch,
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

/** Resolves with what to say of it. */
async function reloadPolicy(service: Service, logger: Logger): Promise<string> {
  try {
    await service.reloadPolicy();
    logger.info('policy reloaded');
    return 'policy reloaded';
  } catch (error) {
    const reason = errorMessage(error);
    logger.error({ reason }, 'the policy was not reloaded; the one in force stays');
    return `the policy was not reloaded, and the one before stays: ${reason}`;
  }
}
