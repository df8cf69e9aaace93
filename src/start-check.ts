import type { Config } from './config/schema.ts';
import { requireUsable } from './config-check.ts';
import { openForVerification } from './vault/opening.ts';

/**
 * That a service of this code and configuration can take the place of the one that runs: all that can be read next to it is read,
 * and the master key opens the vault. Makes and changes nothing.
 * @throws StartError
 */
export async function requireStartable(config: Config): Promise<void> {
  requireUsable(config);
  const { store } = await openForVerification(config.paths);
  await store.close();
}
