import { noMetrics } from '../../../telemetry/instruments.ts';
import { loadConfig } from '../../config/load.ts';
import { asStartError } from '../../errors.ts';
import { loadPolicy } from '../../policy/policy-file.ts';
import { openWorkingVault } from '../../working-vault.ts';

/**
 * `jarvis-secretsd token bootstrap`: a new bootstrap token, the way back in. Offline: it takes the vault for itself,
 * and needs the master key. Returns what to print.
 * @param complain is given what went wrong on the way without ending it
 * @throws StartError also while the service runs
 */
export async function bootstrapTokenCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  complain: (text: string) => void,
): Promise<string> {
  const config = loadConfig(configFile, environment);
  const { policy } = loadPolicy(config.security.rbac_policy_path);
  const log = (facts: object, message: string) => complain(`${message}: ${JSON.stringify(facts)}\n`);
  const { vault, close } = await openWorkingVault({
    config,
    mayCreate: false,
    policy: () => policy,
    metrics: noMetrics(),
    log: { warn: log, error: log },
    onFatal: error => complain(`${error.message}\n`),
  });
  try {
    await vault.bootstrap.renew();
  } catch (error) {
    throw asStartError(error);
  } finally {
    await close();
  }
  return `a bootstrap token is in ${config.paths.bootstrap_token_path}: for 24 hours it may manage tokens, and nothing else\n`;
}
