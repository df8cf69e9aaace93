import { requireUsableIdentity } from './config/identity.ts';
import type { Config } from './config/schema.ts';
import { requireProtectedTransport, tlsFiles } from './config/transport.ts';
import { loadPolicy } from './policy/policy-file.ts';
import { socketAccess } from './socket-access.ts';
import { readTlsFiles, servableCertificate } from './tls/certificates.ts';

/** That configuration, policy and certificate can be used; makes nothing. @throws StartError */
export function requireUsable(config: Config): void {
  requireUsableIdentity(config);
  requireProtectedTransport(config);
  socketAccess(config);
  const files = tlsFiles(config);
  if (files !== null) servableCertificate(files, readTlsFiles(files));
  loadPolicy(config.security.rbac_policy_path);
}
