import { StartError } from '../errors.ts';
import { isLocal, parseBindAddress } from './bind-address.ts';
import type { Config } from './schema.ts';

/** Who is calling must be hard to forge where the API listens. @throws StartError */
export function requireUsableIdentity(config: Config): void {
  if (config.security.identity === 'token') return;
  if (isLocal(parseBindAddress(config.server.bind_addr, 'server.bind_addr'))) return;
  throw new StartError(
    `security.identity is "header", which anybody who reaches the port can forge, and server.bind_addr is ${config.server.bind_addr}; bind a loopback address or a unix socket, or use "token".`,
  );
}
