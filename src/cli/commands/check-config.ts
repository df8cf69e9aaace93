import { pushTargets } from '../../../telemetry/otlp-settings.ts';
import { loadConfig } from '../../config/load.ts';
import { requireUsable } from '../../config-check.ts';
import { requireClosedFiles } from '../../file-permissions.ts';

/**
 * `--check-config`: whether configuration and policy can be used; returns what to print, and makes nothing.
 * @param userId whose files they may be; null where the system has none
 * @throws StartError, or an Error of the `OTEL_*` variables
 */
export function checkConfigCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  userId: number | null,
): string {
  const config = loadConfig(configFile, environment);
  requireClosedFiles(config, configFile, userId);
  requireUsable(config);
  pushTargets(config.telemetry.otlp.endpoint, environment);
  return `${configFile}: the configuration and its policy can be used\n`;
}
