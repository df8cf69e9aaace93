import { rmSync } from 'node:fs';
import { errorMessage } from './errors.ts';
import type { ListenerAddresses } from './handover/messages.ts';
import { Successor, type SuccessorCommand } from './handover/successor.ts';
import type { Logger } from './logging.ts';
import type { RunningService } from './running-service.ts';

/** A slow disk, a long policy and a busy machine are no reasons to give up. */
const preparationDeadlineMs = 60_000;
/** Clients wait meanwhile. */
const takeoverDeadlineMs = 30_000;

export interface HandoverOptions {
  readonly command: Omit<SuccessorCommand, 'descriptors'>;
  /** Why no other process can take this one's place; null where one can. */
  readonly refusal: () => string | null;
  readonly addresses: ListenerAddresses;
  readonly running: () => RunningService;
  /** Called when the vault is let go, before the successor has it. */
  readonly onStopped: () => void;
  /** Starts the service in this process again. */
  readonly restart: (handles: Successor['handles'], ownsSocketFile: boolean) => Promise<void>;
  readonly onCompleted: (successorPid: number) => Promise<void>;
  readonly metrics: { handoverFailed(): void };
  readonly logger: Logger;
}

/** Who serves: this process, nobody for a moment, or the successor. */
type Holder = 'this' | 'nobody' | 'successor';

/**
 * Hands the service over to a successor: the code that is in place now, in a process of its own with the same listening sockets.
 * At no time do two processes have the vault. Connections wait in the kernel while neither has it. If the successor does not
 * become ready, this process goes on.
 */
export class Handover {
  readonly #options: HandoverOptions;
  #successor: Successor | null = null;
  #running: Promise<void> | null = null;
  #holder: Holder = 'this';
  #isAbandoned = false;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#running !== null) {
      this.#options.logger.warn('a handover is under way already');
      return;
    }
    this.#running = this.#run().finally(() => {
      this.#running = null;
      this.#successor = null;
    });
  }

  /**
   * Passes a signal on to the successor where the service is no longer this process's.
   * @returns whether it was passed on
   */
  forward(signal: NodeJS.Signals): boolean {
    if (this.#holder === 'this') return false;
    this.#successor?.signal(signal);
    return true;
  }

  /**
   * For a stop: ends a handover that is under way. A successor that has the vault gets the signal.
   * @returns whether this process serves, and is to be stopped
   */
  async abandon(signal: NodeJS.Signals): Promise<boolean> {
    this.#isAbandoned = true;
    if (!(this.#holder === 'successor' && this.forward(signal))) await this.#successor?.kill();
    await this.#running;
    return this.#holder === 'this';
  }

  async #run(): Promise<void> {
    const { command, logger, refusal, running } = this.#options;
    const reason = refusal();
    if (reason !== null) {
      this.#fail(reason, 'the handover is refused; this process continues');
      return;
    }
    const successor = Successor.start({ ...command, descriptors: running().descriptors });
    this.#successor = successor;
    logger.info({ successor: successor.pid }, 'handing over: the successor prepares');
    try {
      this.#requireSameAddresses(await successor.prepared(preparationDeadlineMs));
    } catch (error) {
      await this.#giveUp(successor, error);
      return;
    }
    if (this.#isAbandoned) return;
    await running().windDown();
    if (this.#isAbandoned) return;
    await this.#letGo(successor);
  }

  async #letGo(successor: Successor): Promise<void> {
    const { logger, onCompleted, onStopped, restart, running } = this.#options;
    const startedAt = performance.now();
    this.#holder = 'nobody';
    logger.info({ successor: successor.pid }, 'handing over: the vault is let go');
    const socketFiles = running().leaveSocketFiles();
    try {
      await running().stop();
    } catch (error) {
      logger.error({ reason: errorMessage(error) }, 'the stop was not clean');
    }
    onStopped();
    if (this.#isAbandoned) {
      for (const file of socketFiles) rmSync(file, { force: true });
      return;
    }
    this.#holder = 'successor';
    const ownsSocketFile = socketFiles.length > 0;
    try {
      await successor.takeOver({ kind: 'take over', ownsSocketFile }, takeoverDeadlineMs);
    } catch (error) {
      await successor.kill();
      if (this.#isAbandoned) return;
      await restart(successor.handles, ownsSocketFile);
      this.#holder = 'this';
      await this.#giveUp(successor, error);
      return;
    }
    const unservedMs = Math.round(performance.now() - startedAt);
    logger.info({ successor: successor.pid, unserved_ms: unservedMs }, 'handed over: the successor serves');
    await onCompleted(successor.pid ?? 0);
  }

  /** Sockets are inherited as they are: another address takes a new start. */
  #requireSameAddresses(addresses: ListenerAddresses): void {
    const own = this.#options.addresses;
    if (addresses.api !== own.api) {
      throw new Error(
        `server.bind_addr changed from ${own.api} to ${addresses.api}; stop and start for that`,
      );
    }
    if (own.metrics !== null && addresses.metrics !== own.metrics) {
      throw new Error(
        `telemetry.prometheus.bind_addr changed from ${own.metrics} to ${addresses.metrics}; stop and start for that`,
      );
    }
  }

  async #giveUp(successor: Successor, error: unknown): Promise<void> {
    await successor.kill();
    if (this.#isAbandoned) return;
    this.#fail(errorMessage(error), 'the handover failed; this process continues');
  }

  #fail(reason: string, message: string): void {
    this.#options.metrics.handoverFailed();
    this.#options.logger.error({ reason }, message);
  }
}
