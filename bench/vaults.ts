import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { startOwned } from './owned.ts';
import { install } from './processes.ts';

/**
 * Makes a vault with so many secrets, named by `secretName`, and returns its folder.
 * @throws Error when the process that makes it fails
 */
export async function seedVault(parent: string, secrets: number): Promise<string> {
  const folder = install(parent);
  const seeding = startOwned(
    process.execPath,
    [join(import.meta.dirname, 'seed.ts'), folder, String(secrets)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const [code] = await once(seeding, 'close');
  if (code !== 0) throw new Error(`the vault of ${secrets} secrets could not be made`);
  return folder;
}

/** What was written goes to the disk now, and not while something is measured. */
export function settleDisk(): void {
  spawnSync('sync');
}
