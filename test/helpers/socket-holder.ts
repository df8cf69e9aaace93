import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { compileCache, executable, type Installation } from './service.ts';

const patienceMs = 90_000;

/** The `skip` option of a test that needs a process which holds sockets: Node accepts from any socket that it listens on. */
export const skipWithoutPython: string | false =
  spawnSync('python3', ['--version']).status === 0 ? false : 'needs python3';

export type HeldSocket =
  | { readonly name: string; readonly host: string; readonly port: number }
  | { readonly name: string; readonly path: string; readonly mode: number };

export interface HolderOptions {
  readonly sockets: readonly HeldSocket[];
  /** In place of the sockets' names; null for none. */
  readonly names?: string | null;
  /** 0 leaves the sockets bound, and nobody listens on them. */
  readonly backlog?: number;
}

/** Plays systemd: holds listening sockets, and starts the service with them again and again. */
export class SocketHolder {
  readonly #child: ChildProcess;
  #output = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', chunk => {
        this.#output += chunk;
      });
    }
  }

  /** Resolves when the sockets are there. */
  static async open(installation: Installation, options: HolderOptions): Promise<SocketHolder> {
    const command = [installation.executable ?? executable, '--config', installation.configFile];
    const { PATH = '', HOME = '' } = process.env;
    const script = join(import.meta.dirname, 'socket-holder.py');
    const child = spawn('python3', [script, JSON.stringify({ command, ...options })], {
      cwd: installation.folder,
      env: { PATH, HOME, NODE_COMPILE_CACHE: compileCache, ...installation.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const holder = new SocketHolder(child);
    await holder.until('the sockets are there', () => holder.#said('listening').length > 0);
    return holder;
  }

  output(): string {
    return this.#output;
  }

  /** The lines of the service's log with this message. */
  lines(message: string): Record<string, unknown>[] {
    return this.#parsed().filter(line => line['msg'] === message);
  }

  /** Of the process that was started last. */
  get pid(): number {
    return Number(this.#said('started').at(-1)?.['pid'] ?? 0);
  }

  /** Starts the service; resolves when it is ready, or with its exit code when it ends before. */
  async start(): Promise<'ready' | number> {
    const ready = this.lines('ready').length;
    const ended = this.#said('ended').length;
    this.#child.stdin?.write('start\n');
    await this.until(
      'the service is ready or ends',
      () => this.lines('ready').length > ready || this.#said('ended').length > ended,
    );
    return this.lines('ready').length > ready ? 'ready' : Number(this.#said('ended').at(-1)?.['code']);
  }

  /** Ends the service; resolves with its exit code. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    const ended = this.#said('ended').length;
    process.kill(this.pid, signal);
    await this.until('the service ends', () => this.#said('ended').length > ended);
    return Number(this.#said('ended').at(-1)?.['code']);
  }

  /** Closes the sockets, and ends a service that still runs. */
  async close(): Promise<void> {
    if (this.#said('started').length > this.#said('ended').length) process.kill(this.pid, 'SIGKILL');
    const closed = once(this.#child, 'close');
    this.#child.stdin?.end();
    await closed;
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`waited in vain until ${what}:\n${this.#output}`);
      await setTimeout(10);
    }
  }

  #said(what: string): Record<string, unknown>[] {
    return this.#parsed().filter(line => line['holder'] === what);
  }

  #parsed(): Record<string, unknown>[] {
    return this.#output
      .split('\n')
      .filter(line => line.startsWith('{') && line.endsWith('}'))
      .map(line => JSON.parse(line) as Record<string, unknown>);
  }
}
