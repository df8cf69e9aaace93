import { readFileSync } from 'node:fs';

/** They end when the process that they started does, and the container with them. */
const containerInits = ['tini', 'docker-init', 'catatonit', 'dumb-init', 'podman-init'];

/** What a handover depends on. */
export interface SupervisedProcess {
  readonly pid: number;
  readonly ppid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Why no other process can take this one's place; null where one can. */
export function handoverRefusal({ pid, ppid, env }: SupervisedProcess): string | null {
  if (pid === 1) {
    return 'this process is PID 1 of its container, which ends with it; replace the container';
  }
  if (ppid === 1 && containerInits.includes(initName())) {
    return `${initName()} is PID 1 of this container and ends with this process; replace the container`;
  }
  if (env['SYSTEMD_EXEC_PID'] === String(pid) && env['NOTIFY_SOCKET'] === undefined) {
    return 'systemd would end the service with this process; use systemctl restart, or Type=notify-reload in its unit';
  }
  return null;
}

function initName(): string {
  try {
    return readFileSync('/proc/1/comm', 'utf8').trim();
  } catch {
    return '';
  }
}
