import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../tools/free-port.ts';
import { ask } from './ask.ts';
import { owned } from './owned.ts';

export const checkout = resolve(import.meta.dirname, '../..');
export const executable = join(checkout, 'bin/jarvis-secretsd');
/** A start takes a quarter less time; hundreds of them add up. */
export const compileCache = join(checkout, 'node_modules/.cache/node-compile-cache');

/** A folder with the shipped config.toml and policy.yaml, listening on a free port; keys override by environment. */
export interface Installation {
  readonly folder: string;
  readonly configFile: string;
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs the service as another user: root may write where permissions forbid it. */
  readonly user?: number;
  /** What the executable is started with; as in most shells unless said. */
  readonly umask?: number;
  /** The words of a command that runs the executable, such as in a mount namespace of its own. */
  readonly wrapper?: readonly string[];
  /** Started in place of the checkout's; the link that a handover follows, say. */
  readonly executable?: string;
}

/** A service that is asked over HTTP. */
export interface AskedService {
  readonly url: string;
  /** As `admin`; a plain object is sent as JSON. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Every sample of a classic scrape, by its literal series name with labels. */
  scrape(): Promise<Map<string, number>>;
}

export interface RunningService extends AskedService {
  readonly child: ChildProcess;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** Sends the signal and resolves with the exit code (null when the signal killed it). */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** @param environment `JARVIS_SECRETSD_…` and other variables for the service */
export async function install(
  folder: string,
  environment: Record<string, string> = {},
): Promise<Installation> {
  mkdirSync(folder, { recursive: true });
  for (const file of ['config.toml', 'policy.yaml']) cpSync(join(checkout, file), join(folder, file));
  const port = await freePort();
  return {
    folder,
    configFile: join(folder, 'config.toml'),
    port,
    environment: { JARVIS_SECRETSD_SERVER_BIND_ADDR: `127.0.0.1:${port}`, ...environment },
  };
}

export function writePolicy(installation: Installation, text: string): void {
  writeFileSync(join(installation.folder, 'policy.yaml'), text);
}

/** Runs the executable to its end. */
export async function runCommand(
  installation: Installation,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const { output, ended } = launch(installation, args);
  return { code: await ended, output: output() };
}

/**
 * Starts the service and resolves when it says it is ready; rejects with its output when it ends before.
 * @param meanwhile is called as soon as the process exists
 */
export async function startService(
  installation: Installation,
  meanwhile: (child: ChildProcess) => Promise<void> = async () => {},
): Promise<RunningService> {
  const { child, output } = launch(installation, ['--config', installation.configFile]);
  await Promise.all([ready(child, output), meanwhile(child)]);
  return {
    ...askedService(installation),
    child,
    output,
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill(signal);
      const [code] = await once(child, 'close');
      return code;
    },
  };
}

export function askedService({ port }: Installation): AskedService {
  const url = `http://127.0.0.1:${port}`;
  const agent = new Agent({ keepAlive: true });
  return {
    url,
    request: (method, path, body, headers = {}) => {
      const type = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = { method, headers: { 'x-jarvis-client': 'admin', ...type, ...headers } };
      return ask(agent, url + path, options, typeof body === 'string' ? body : JSON.stringify(body));
    },
    scrape: async () => parseSamples(await (await ask(agent, `${url}/metrics`)).text()),
  };
}

/** Every file under the folder, as relative paths in order. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => statSync(join(folder, file)).isFile())
    .toSorted();
}

export function readAudit(installation: Installation, file: string): string {
  return readFileSync(join(installation.folder, 'data/audit', file), 'utf8');
}

/** Milliseconds. Only a fault lets a wait come to this: a machine that is busy with others may be a hundred times slower. */
const patienceMs = 120_000;

/** Polls what a service has written: there is no event for a line of another process's log. */
export async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`it did not happen within ${patienceMs / 1000} s`);
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

export function parseSamples(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const at = line.lastIndexOf(' ');
    if (line !== '' && !line.startsWith('#')) samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return samples;
}

/** A process of the executable. */
export interface Launched {
  readonly child: ChildProcess;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** Resolves with the exit code; null when a signal killed it. */
  readonly ended: Promise<number | null>;
}

/** Starts the executable with the arguments. */
export function launch(installation: Installation, args: readonly string[]): Launched {
  const { PATH = '', HOME = '' } = process.env;
  // tap puts loaders into NODE_OPTIONS of every child for its coverage; without coverage they only cost time.
  const command = process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '1' ? [] : ['-u', 'NODE_OPTIONS'];
  // A service in this process has set its own.
  const umask = process.umask(installation.umask ?? 0o022);
  const { wrapper = [], executable: file = executable } = installation;
  const child = spawn('env', [...command, ...owned, ...wrapper, file, ...args], {
    cwd: installation.folder,
    env: { PATH, HOME, NODE_COMPILE_CACHE: compileCache, ...installation.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(installation.user === undefined ? {} : { uid: installation.user, gid: installation.user }),
  });
  process.umask(umask);
  return { child, output: collect(child), ended: once(child, 'close').then(([code]) => code) };
}

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      text += chunk;
    });
  }
  return () => text;
}

async function ready(child: ChildProcess, output: () => string): Promise<void> {
  const { promise, resolve: isReady, reject } = Promise.withResolvers<void>();
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', line => {
      if (line.includes('"msg":"ready"')) isReady();
    });
  }
  child.once('close', code => reject(new Error(`the service ended with code ${code}: ${output()}`)));
  await promise;
}
