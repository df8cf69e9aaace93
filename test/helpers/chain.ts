import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { executable, type Installation, type Launched, launch, runCommand } from './service.ts';

/** A start on a busy machine takes seconds, and a handover a start and a drain. */
const patienceMs = 90_000;

/** What a process says when it serves. */
export interface ReadyLine {
  readonly pid: number;
  readonly writer_epoch: number;
  readonly secrets: number;
}

/** A service that is handed over from process to process. They share what they write to, so that one reader sees all of it. */
export class ServiceChain {
  readonly installation: Installation;
  readonly #link: string;
  readonly #first: Launched;

  private constructor(installation: Installation, link: string) {
    this.installation = { ...installation, executable: link };
    this.#link = link;
    this.#first = launch(this.installation, ['--config', installation.configFile]);
  }

  /** Starts the service through a link, as an installation has one, and resolves when it is ready. */
  static async start(installation: Installation): Promise<ServiceChain> {
    const link = join(installation.folder, 'jarvis-secretsd');
    rmSync(link, { force: true });
    symlinkSync(executable, link);
    const chain = new ServiceChain(installation, link);
    await chain.until('the first process is ready', () => chain.ready.length > 0);
    return chain;
  }

  /** Everything that any of the processes wrote. */
  output(): string {
    return this.#first.output();
  }

  /** The lines of the log with this message. */
  lines(message: string): Record<string, unknown>[] {
    return this.output()
      .split('\n')
      .filter(line => line.includes(`"msg":${JSON.stringify(message)}`))
      .map(line => JSON.parse(line) as Record<string, unknown>);
  }

  get ready(): ReadyLine[] {
    return this.lines('ready') as unknown as ReadyLine[];
  }

  /** Of the process that became ready last. */
  get pid(): number {
    return this.ready.at(-1)?.pid ?? 0;
  }

  /** What the next handover starts. */
  place(file: string): void {
    rmSync(this.#link);
    symlinkSync(file, this.#link);
  }

  signal(signal: NodeJS.Signals, pid = this.pid): void {
    process.kill(pid, signal);
  }

  /** Resolves when a successor serves and its predecessor has ended. */
  async handOver(): Promise<void> {
    const { length } = this.ready;
    const { pid } = this;
    this.signal('SIGUSR2');
    await this.until('a successor is ready', () => this.ready.length > length);
    await this.until('its predecessor has ended', () => !isRunning(pid));
  }

  /** Resolves with why the handover is not made. */
  async failToHandOver(): Promise<string> {
    const failures = () => [
      ...this.lines('the handover failed; this process continues'),
      ...this.lines('the handover is refused; this process continues'),
    ];
    const { length } = failures();
    this.signal('SIGUSR2');
    await this.until('the handover fails', () => failures().length > length);
    return String(failures().at(-1)?.['reason']);
  }

  /** Stops the process that serves; resolves when no process of the chain is left. */
  async stop(): Promise<void> {
    const { pid } = this;
    if (isRunning(pid)) this.signal('SIGTERM');
    await this.ended();
  }

  /** Resolves when no process of the chain is left. */
  async ended(): Promise<void> {
    await this.#first.ended;
  }

  /** The exit code of `audit verify` on what the processes left. */
  async verify(): Promise<{ code: number | null; output: string }> {
    const installation = { ...this.installation, executable };
    return await runCommand(installation, ['audit', 'verify', '--config', installation.configFile]);
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited in vain until ${what}:\n${this.output()}`);
      await setTimeout(20);
    }
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
