import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './programs.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Limits below what the machine has: a root that may not raise its own has none of Podman's. */
export const limits = ['core=0', 'nofile=1024:1024', 'nproc=1024:1024'].flatMap(limit => ['--ulimit', limit]);

/** Podman with a storage of its own, which leaves nothing behind, on a machine with or without systemd. */
export class Podman {
  readonly folder = mkdtempSync(join(tmpdir(), 'jarvis-podman-'));
  readonly #options: readonly string[] = [
    ...['--root', join(this.folder, 'storage'), '--runroot', join(this.folder, 'run')],
    ...['--tmpdir', join(this.folder, 'tmp')],
    ...['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
  ];

  /** Runs a command to its end, whatever that is. */
  attempt(...args: readonly string[]): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    // Podman asks systemd to run health checks, and would refuse to start a container without it.
    const env = { ...process.env, DISABLE_HC_SYSTEMD: 'true' };
    const options = { env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
    execFile('podman', [...this.#options, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
    return promise;
  }

  /** What a command printed. @throws Error when it failed, with what it said */
  async run(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.attempt(...args);
    if (code !== 0) throw new Error(`podman ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** Ends every container and removes all there was. */
  async remove(): Promise<void> {
    await this.run('rm', '--all', '--force', '--time', '0');
    // What watched a container goes through the storage once more to tidy up after its end.
    await until('podman has tidied up', async () => !this.#isAtWork());
    for (const place of this.#mounted()) execFileSync('umount', [place]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Places below the storage that something is mounted on, the deepest first: of two commands at once neither may have unmounted it. */
  #mounted(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map(line => line.split(' ')[4] ?? '')
      .filter(place => place.startsWith(`${this.folder}/`))
      .toSorted()
      .toReversed();
  }

  /** Whether a process of Podman's that nobody waits for is left: all name the storage in their arguments. */
  #isAtWork(): boolean {
    return readdirSync('/proc').some(entry => {
      if (!/^\d+$/.test(entry)) return false;
      try {
        return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(this.folder);
      } catch {
        return false; // it has ended meanwhile
      }
    });
  }
}
