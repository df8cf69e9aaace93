import { execFile } from 'node:child_process';
import { errorMessage } from './errors.ts';

/** How long systemd waits for the next word of a start, in microseconds, and how often it gets one, in milliseconds. */
const startPatienceUs = 90_000_000;
const startIntervalMs = 30_000;
/** Milliseconds for one message: a stop waits for it. */
const patienceMs = 2000;

export interface SupervisedProcess {
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Node's is CLOCK_MONOTONIC, as systemd's. */
  readonly hrtime: { bigint(): bigint };
}

/**
 * Tells systemd what the service does: sd_notify(3). Node has no datagram sockets of the file system, so systemd's own program sends
 * the messages; the unit must have `NotifyAccess=all`. Does nothing where nobody listens (`NOTIFY_SOCKET`).
 */
export class Supervisor {
  readonly #pid: number;
  readonly #hrtime: SupervisedProcess['hrtime'];
  readonly #env: { readonly NOTIFY_SOCKET: string; readonly PATH: string | undefined } | null;
  /** Half of what systemd allows between two signs of life, in milliseconds; null where it asks for none. */
  readonly #watchdogIntervalMs: number | null;
  readonly #warn: (facts: object, message: string) => void;
  #sent: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #hasFailed = false;

  constructor({ pid, env, hrtime }: SupervisedProcess, log: { warn(facts: object, message: string): void }) {
    const { NOTIFY_SOCKET, PATH, WATCHDOG_USEC = '' } = env;
    this.#pid = pid;
    this.#hrtime = hrtime;
    this.#env = NOTIFY_SOCKET === undefined ? null : { NOTIFY_SOCKET, PATH };
    this.#watchdogIntervalMs = /^[1-9]\d*$/.test(WATCHDOG_USEC) ? Number(WATCHDOG_USEC) / 2000 : null;
    this.#warn = (facts, message) => log.warn(facts, message);
  }

  /** From now on until `ready`, systemd waits as long as the event loop turns. */
  starting(): void {
    if (this.#env === null) return;
    this.#timer = setInterval(() => {
      this.#send(`EXTEND_TIMEOUT_USEC=${startPatienceUs}`, 'STATUS=starting');
    }, startIntervalMs).unref();
  }

  /** After a start, and after a reload however it went. The process that says so is the main process from then on. */
  ready(status: string): void {
    this.#send('READY=1', `MAINPID=${this.#pid}`, `STATUS=${status}`);
    clearInterval(this.#timer);
    if (this.#watchdogIntervalMs === null) return;
    this.#timer = setInterval(() => this.#send('WATCHDOG=1'), this.#watchdogIntervalMs).unref();
  }

  /** Resolves when systemd has been told all so far. */
  async told(): Promise<void> {
    await this.#sent;
  }

  reloading(): void {
    this.#send('RELOADING=1', `MONOTONIC_USEC=${this.#hrtime.bigint() / 1000n}`, 'STATUS=reloading');
  }

  /** Resolves when systemd has been told: the process must not end before. */
  async stopping(): Promise<void> {
    this.#send('STOPPING=1', 'STATUS=finishing requests in flight');
    await this.#sent;
  }

  /** One message after the other: their order counts. */
  #send(...assignments: readonly string[]): void {
    const env = this.#env;
    if (env === null) return;
    const sending = () =>
      new Promise<void>(resolve => {
        execFile('systemd-notify', assignments, { env, timeout: patienceMs }, error => {
          if (error !== null) this.#complain(error);
          resolve();
        });
      });
    this.#sent = this.#sent.then(sending);
  }

  /** Once: what does not work now does not work the next time. */
  #complain(error: Error): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#warn({ reason: errorMessage(error) }, 'systemd is not told what the service does');
  }
}
