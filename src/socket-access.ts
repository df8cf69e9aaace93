import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from './config/schema.ts';
import { errorMessage, StartError } from './errors.ts';

/** Who may connect to a unix socket, which is who may write to its file. */
export interface SocketAccess {
  readonly mode: number;
  /** Null leaves the group that the service runs in. */
  readonly group: number | null;
}

/** @throws StartError when there is no such group */
export function socketAccess({ server }: Config): SocketAccess {
  const { socket_mode, socket_group } = server;
  return {
    mode: Number.parseInt(socket_mode, 8),
    group: socket_group === undefined ? null : groupId(socket_group),
  };
}

/** Whoever may rename files in the folder could put a socket of their own in place. @throws StartError */
export function requireSafeFolder(socketPath: string): void {
  const folder = dirname(socketPath);
  const { mode } = statSync(folder);
  const isSticky = (mode & 0o1000) !== 0;
  if ((mode & 0o002) === 0 || isSticky) return;
  throw new StartError(
    `the folder ${folder} of the socket can be changed by other users; run: chmod o-w '${folder}'`,
  );
}

/**
 * Widens a socket that was bound under umask 077, which only its owner can connect to, so that at no time anybody can
 * whom the configuration does not name: the group comes before its permission.
 */
export function grantAccess(socketPath: string, { mode, group }: SocketAccess): void {
  const found = statSync(socketPath);
  // Not even asked for without need: a sandbox may forbid the call.
  if (group !== null && group !== found.gid) chownSync(socketPath, found.uid, group);
  chmodSync(socketPath, mode);
}

/** Node has no look-up of groups; a group that is not in the file, of LDAP say, is given by number. */
function groupId(name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const groups = readGroups();
  const id = new RegExp(`^${name.replaceAll('.', '\\.')}:[^:]*:(\\d+):`, 'm').exec(groups)?.[1];
  if (id !== undefined) return Number(id);
  throw new StartError(
    `server.socket_group is ${JSON.stringify(name)}, which /etc/group does not have; make the group, or give its number.`,
  );
}

function readGroups(): string {
  try {
    return readFileSync('/etc/group', 'utf8');
  } catch (error) {
    throw new StartError(`server.socket_group cannot be looked up: ${errorMessage(error)}`, { cause: error });
  }
}
