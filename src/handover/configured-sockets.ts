import { lookup } from 'node:dns/promises';
import { statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type BindAddress, formatBindAddress, parseBindAddress } from '../config/bind-address.ts';
import type { Config } from '../config/schema.ts';
import { StartError } from '../errors.ts';
import { type SocketAccess, socketAccess } from '../socket-access.ts';
import type { InheritedSocket, InheritedSockets, SocketName } from './inherited-sockets.ts';
import { boundPath } from './kernel-socket.ts';

/**
 * That each socket is the one that the configuration describes: what decides on TLS and identity looks at the configuration.
 * @throws StartError with both, and what to change
 */
export async function requireConfigured(sockets: InheritedSockets, config: Config): Promise<void> {
  const { server, telemetry } = config;
  const keys = {
    api: { key: 'server.bind_addr', text: server.bind_addr },
    metrics: { key: 'telemetry.prometheus.bind_addr', text: telemetry.prometheus.bind_addr },
  };
  if (sockets.size > 0 && !sockets.has('api')) {
    throw new StartError(
      'LISTEN_FDS passes no socket named api; enable jarvis-secretsd.socket, or none at all.',
    );
  }
  for (const [name, socket] of sockets) {
    const { key, text } = keys[name];
    if (text === undefined) {
      throw new StartError(
        `LISTEN_FDS passes a socket named ${name}, and ${key} is not set; set it, or disable the .socket unit.`,
      );
    }
    await requireSame(socket, parseBindAddress(text, key), { name, key, access: socketAccess(config) });
  }
}

interface Described {
  readonly name: SocketName;
  readonly key: string;
  readonly access: SocketAccess;
}

async function requireSame(
  { descriptor, handle }: InheritedSocket,
  address: BindAddress,
  { name, key, access }: Described,
): Promise<void> {
  const own = handle.address() as Partial<AddressInfo>;
  const found =
    own.address === undefined
      ? { kind: 'unix' as const, path: await boundPath(descriptor) }
      : { kind: 'tcp' as const, host: own.address, port: own.port ?? 0 };
  if (!(await isSame(found, address))) {
    const listens = found.kind === 'unix' ? `unix://${found.path ?? ''}` : formatBindAddress(found);
    throw new StartError(
      `The socket ${name} that LISTEN_FDS passes is bound to ${listens}, and ${key} is ${formatBindAddress(address)}; set ListenStream= of its .socket unit and ${key} to the same address.`,
    );
  }
  if (address.kind === 'unix') requireClosedTo(address.path, access);
}

type Found = { kind: 'unix'; path: string | null } | { kind: 'tcp'; host: string; port: number };

async function isSame(found: Found, address: BindAddress): Promise<boolean> {
  // Another network namespace shows no path.
  if (found.kind === 'unix') return address.kind === 'unix' && (found.path ?? address.path) === address.path;
  if (address.kind === 'unix' || found.port !== address.port) return false;
  const hosts = await lookup(address.host, { all: true }).catch(() => []);
  return hosts.some(host => host.address === found.host);
}

/** The file of a socket that systemd made has the mode and group of its unit. */
function requireClosedTo(path: string, { mode, group }: SocketAccess): void {
  const found = statSync(path);
  if ((found.mode & 0o777 & ~mode) !== 0) {
    const octal = (bits: number) => (bits & 0o777).toString(8).padStart(4, '0');
    throw new StartError(
      `The socket ${path} has mode ${octal(found.mode)}, and server.socket_mode is ${octal(mode)}; set SocketMode= of its .socket unit and server.socket_mode to the same mode.`,
    );
  }
  if (group !== null && found.gid !== group) {
    throw new StartError(
      `The socket ${path} belongs to group ${found.gid}, and server.socket_group is ${group}; set SocketGroup= of its .socket unit to it.`,
    );
  }
}
