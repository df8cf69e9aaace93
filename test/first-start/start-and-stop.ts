/** All of a start that makes files, in token mode, and a stop: in a folder with a configuration and a policy. */
import { loadConfig } from '../../src/config/load.ts';
import { loadPolicy } from '../../src/policy/policy-file.ts';
import { openWorkingVault } from '../../src/working-vault.ts';
import { noMetrics } from '../../telemetry/instruments.ts';

const [configFile = ''] = process.argv.slice(2);
const config = loadConfig(configFile, {});
const { policy } = loadPolicy(config.security.rbac_policy_path);
const warn = (facts: object, message: string) => {
  process.stderr.write(`${message} ${JSON.stringify(facts)}\n`);
};
const { vault, close } = await openWorkingVault({
  config,
  mayCreate: true,
  policy: () => policy,
  metrics: noMetrics(),
  log: { warn, error: warn },
  onFatal: error => {
    throw error;
  },
});
await vault.bootstrap.open();
await close();
