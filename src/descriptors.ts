import { readFileSync } from 'node:fs';
import { StartError } from './errors.ts';

/** What the process itself has open at the most: files of the vault and the log, listeners, the collector, a handover. */
const reserved = 128;
/** With fewer the service would turn away its own probes. */
const fewestConnections = 16;

/** How many connections each listener takes. */
export interface ConnectionCaps {
  readonly api: number;
  /** Of the listener for /metrics, where it has one. */
  readonly scrapes: number;
}

/**
 * The caps that the process can keep: past its limit of open files every listener of it fails, and so does the next segment of the
 * audit log. Connections to /metrics never take those of the API.
 * @param openFiles how many files the process may have open; null where that is not known
 * @throws StartError where there is no room for the least that the service needs
 */
export function fitConnections(wanted: ConnectionCaps, openFiles: number | null): ConnectionCaps {
  if (openFiles === null) return wanted;
  const room = openFiles - reserved - wanted.scrapes;
  if (room < fewestConnections) {
    const least = reserved + wanted.scrapes + fewestConnections;
    throw new StartError(
      `The process may open ${openFiles} files, and the service needs ${least}; raise the limit (LimitNOFILE= of systemd, ulimit -n).`,
    );
  }
  return { ...wanted, api: Math.min(wanted.api, room) };
}

/** How many files this process may have open, sockets included; null where the system does not say. */
export function openFileLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}
