import { setTimeout } from 'node:timers/promises';
import type { Store } from '../store/store.ts';

/** How often a purge tries, and the pause between in milliseconds. */
const tries = 5;
const pauseMs = 150;

/** Whether destroyed values have left the files. The change that destroyed them stands, whether or not this succeeds. */
export async function eraseDestroyed(store: Store): Promise<boolean> {
  for (let count = 1; count <= tries; count++) {
    if (await store.erase().catch(() => false)) return true;
    if (count < tries) await setTimeout(pauseMs);
  }
  return false;
}
