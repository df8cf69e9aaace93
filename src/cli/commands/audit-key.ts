import { loadConfig } from '../../config/load.ts';
import { openForVerification } from '../../vault/opening.ts';

/**
 * `jarvis-secretsd audit key`: the public key that the checkpoints of the audit log are signed with, as PEM (SPKI). It needs
 * the master key.
 * @throws StartError when config, key or vault cannot be used
 */
export async function auditKeyCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { store, keyring } = await openForVerification(loadConfig(configFile, environment).paths);
  await store.close();
  return keyring.publicKeyPem;
}
