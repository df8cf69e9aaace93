import { setTimeout } from 'node:timers/promises';
import { noMetrics } from '../../../telemetry/instruments.ts';
import { auditEntry } from '../../audit/record.ts';
import { recordTime } from '../../clock/clock-record.ts';
import { ConfirmationFile, confirmationNow } from '../../clock/confirmation.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { asStartError, errorMessage, StartError } from '../../errors.ts';
import { loadPolicy } from '../../policy/policy-file.ts';
import { isVaultInUse, openWorkingVault, type WorkingVault } from '../../working-vault.ts';

/** Milliseconds for the service to notice the file; it looks every second. */
const patience = 15_000;
const lookInterval = 100;

/**
 * `jarvis-secretsd clock confirm`: the operator says that the wall clock is right. A running service is told; without one, the
 * command records it for the next start. Returns the text to print.
 * @param complain is given messages that do not end the command
 * @throws StartError
 */
export async function confirmClockCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  complain: (text: string) => void,
): Promise<string> {
  const config = loadConfig(configFile, environment);
  const working = await openUnlessRunning(config, complain);
  if (working === null) {
    await tellService(new ConfirmationFile(config.paths.vault_path));
    return 'the running service has taken the confirmation; its log says so\n';
  }
  try {
    await record(working);
  } catch (error) {
    throw asStartError(error);
  } finally {
    await working.close();
  }
  return 'no service uses this vault now; the confirmation is recorded for the next start\n';
}

/** Null where another process uses the vault. @throws StartError */
async function openUnlessRunning(
  config: Config,
  complain: (text: string) => void,
): Promise<WorkingVault | null> {
  const { policy } = loadPolicy(config.security.rbac_policy_path);
  const log = (facts: object, message: string) => complain(`${message}: ${JSON.stringify(facts)}\n`);
  try {
    return await openWorkingVault({
      config,
      mayCreate: false,
      policy: () => policy,
      metrics: noMetrics(),
      log: { warn: log, error: log },
      onFatal: error => complain(`${error.message}\n`),
    });
  } catch (error) {
    if (isVaultInUse(error)) return null;
    throw error;
  }
}

async function record({ audit, clock, opened }: WorkingVault): Promise<void> {
  const { confirmedAt, by } = confirmationNow();
  const offset = Math.round((clock.doubt?.offsetMs ?? 0) / 1000);
  clock.confirm();
  const detail = { by, offset_seconds: offset };
  const facts = {
    event: 'clock_confirmed',
    identity_method: 'system',
    resource: 'clock',
    outcome: 'ok',
    detail,
  };
  await audit.append([auditEntry(facts)]).durable;
  await recordTime(opened.store, { seenAt: confirmedAt, inDoubt: false });
}

/** Resolves when the service has taken the file away. @throws StartError */
async function tellService(file: ConfirmationFile): Promise<void> {
  const confirmation = confirmationNow();
  try {
    file.write(confirmation);
    for (let waited = 0; waited < patience; waited += lookInterval) {
      await setTimeout(lookInterval);
      if (file.read(confirmation.confirmedAt) === null) return;
    }
    file.remove();
  } catch (error) {
    throw new StartError(
      `cannot tell the service by ${file.path}: ${errorMessage(error)}; run this as its user`,
      {
        cause: error,
      },
    );
  }
  throw new StartError(
    `the process that uses this vault did not take the confirmation within ${patience / 1000} s; its log may say why`,
  );
}
