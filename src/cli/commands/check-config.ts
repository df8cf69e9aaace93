import { requireUsableIdentity } from '../../config/identity.ts';
import { loadConfig } from '../../config/load.ts';
import { loadPolicy } from '../../policy/policy-file.ts';

/**
 * `--check-config`: whether configuration and policy can be used; returns what to print, and makes nothing.
 * @throws StartError
 */
export function checkConfigCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const config = loadConfig(configFile, environment);
  requireUsableIdentity(config);
  loadPolicy(config.security.rbac_policy_path);
  return `${configFile}: the configuration and its policy can be used\n`;
}
