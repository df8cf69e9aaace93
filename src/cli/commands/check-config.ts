import { pushTargets } from '../../../telemetry/otlp-settings.ts';
import { requireUsableIdentity } from '../../config/identity.ts';
import { loadConfig } from '../../config/load.ts';
import { requireProtectedTransport, tlsFiles } from '../../config/transport.ts';
import { requireClosedFiles } from '../../file-permissions.ts';
import { loadPolicy } from '../../policy/policy-file.ts';
import { socketAccess } from '../../socket-access.ts';
import { readTlsFiles, servableCertificate } from '../../tls/certificates.ts';

/**
 * `--check-config`: whether configuration and policy can be used; returns what to print, and makes nothing.
 * @throws StartError, or an Error of the `OTEL_*` variables
 */
export function checkConfigCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const config = loadConfig(configFile, environment);
  requireClosedFiles(config, configFile);
  requireUsableIdentity(config);
  requireProtectedTransport(config);
  socketAccess(config);
  const files = tlsFiles(config);
  if (files !== null) servableCertificate(files, readTlsFiles(files));
  pushTargets(config.telemetry.otlp.endpoint, environment);
  loadPolicy(config.security.rbac_policy_path);
  return `${configFile}: the configuration and its policy can be used\n`;
}
