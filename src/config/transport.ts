import { StartError } from '../errors.ts';
import { isLocal, parseBindAddress } from './bind-address.ts';
import type { Config } from './schema.ts';

/** The files of `[server.tls]`, absolute. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.3' | 'TLSv1.2';
  /** Null where client certificates are not asked for. */
  readonly clientCa: string | null;
  readonly clientCrl: string | null;
}

/** Null where TLS is off. @throws StartError on half a setting */
export function tlsFiles({ server }: Config): TlsFiles | null {
  const { certificate_file, key_file, client_ca_file, client_crl_file, min_version } = server.tls;
  if (certificate_file === undefined || key_file === undefined) {
    if (certificate_file !== undefined) throw halfSet('certificate_file', 'key_file');
    if (key_file !== undefined) throw halfSet('key_file', 'certificate_file');
    if (client_ca_file !== undefined) throw halfSet('client_ca_file', 'certificate_file');
    if (client_crl_file !== undefined) throw halfSet('client_crl_file', 'certificate_file');
    return null;
  }
  if (client_crl_file !== undefined && client_ca_file === undefined) {
    throw halfSet('client_crl_file', 'client_ca_file');
  }
  return {
    certificate: certificate_file,
    key: key_file,
    minVersion: `TLSv${min_version}`,
    clientCa: client_ca_file ?? null,
    clientCrl: client_crl_file ?? null,
  };
}

/** Values must not cross a network in the clear unless somebody says so. @throws StartError */
export function requireProtectedTransport(config: Config): void {
  const { bind_addr, allow_plaintext } = config.server;
  const address = parseBindAddress(bind_addr, 'server.bind_addr');
  const hasTls = tlsFiles(config) !== null;
  if (hasTls && address.kind === 'unix') {
    throw new StartError(
      `server.tls is set and server.bind_addr is ${bind_addr}: a unix socket is protected by its permissions (server.socket_mode); remove one of the two.`,
    );
  }
  if (hasTls || allow_plaintext || isLocal(address)) return;
  throw new StartError(
    `server.bind_addr is ${bind_addr}, where secrets would cross the network in the clear; set server.tls.certificate_file and key_file, or server.allow_plaintext = true where a proxy or a mesh encrypts.`,
  );
}

function halfSet(key: string, missing: string): StartError {
  return new StartError(`server.tls.${key} is set and server.tls.${missing} is not; set both, or neither.`);
}
