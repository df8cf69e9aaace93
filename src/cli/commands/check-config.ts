import { statSync } from 'node:fs';
import { pushTargets } from '../../../telemetry/otlp-settings.ts';
import { loadConfig } from '../../config/load.ts';
import { tlsFiles } from '../../config/transport.ts';
import { requireUsable } from '../../config-check.ts';
import { requireClosedFiles } from '../../file-permissions.ts';

/**
 * `check-config`: whether configuration and policy can be used; returns what to print, and makes nothing.
 * @param userId whose files they may be; null where the system has none. For root, what only few others can read is named: the
 * service runs as another user
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
  const { certificate, key, clientCa, clientCrl } = tlsFiles(config) ?? {};
  const read = [configFile, config.security.rbac_policy_path, certificate, key, clientCa, clientCrl];
  const notes = userId === 0 ? read.flatMap(closedToOthers) : [];
  return [...notes, `${configFile}: the configuration and its policy can be used\n`].join('');
}

/** A check by root says nothing about what another user can read. */
function closedToOthers(file: string | null | undefined): string[] {
  if (file === null || file === undefined) return [];
  const { mode, uid, gid } = statSync(file);
  if ((mode & 0o004) !== 0) return [];
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  const readers = (mode & 0o040) === 0 ? `user ${uid}` : `user ${uid} and group ${gid}`;
  return [
    `note: only ${readers} can read ${file} (mode ${octal}); the user of the service must be able to\n`,
  ];
}
