import { pushTargets } from '../../../telemetry/otlp-settings.ts';
import { loadConfig } from '../../config/load.ts';
import { requireUsable } from '../../config-check.ts';
import { requireClosedFiles } from '../../file-permissions.ts';

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
  requireUsable(config);
  pushTargets(config.telemetry.otlp.endpoint, environment);
  return `${configFile}: the configuration and its policy can be used\n`;
}
