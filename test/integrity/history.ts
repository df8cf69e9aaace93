/** A vault with a past: its folder as it was at several moments, all written by the vault itself. */
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { noSpan } from '../../telemetry/tracing.ts';
import { type Installation, install } from '../helpers/service.ts';
import { headerCaller, openTestVault, type TestVault } from '../vault/fixture.ts';

const admin = headerCaller('admin');
const hour = 3_600_000;
const policy = 'clients: { admin: { allow: ["*", "admin *", "purge *"] }, web: { allow: ["*"] } }';

export interface History {
  readonly installation: Installation;
  /** Copies of `data/` after each chapter, oldest first; the last one is as the installation is now. */
  readonly moments: readonly string[];
}

/** What happens between one copy and the next. */
const chapters: readonly ((
  vault: TestVault['vault'],
  pass: (milliseconds: number) => void,
) => Promise<void>)[] = [
  async vault => {
    for (const name of ['app/db', 'app/deleted', 'app/purged', 'app/kept']) {
      await vault.create(admin, name, { value: `first value of ${name}` });
    }
    await vault.createToken(admin, { client: 'web', description: 'one', lifetime: hour, sourceNetworks: [] });
  },
  async vault => {
    await vault.put(admin, 'app/db', { value: 'second value', activate: true });
    await vault.rotate(admin, ['app/kept'], null);
    await vault.createToken(admin, { client: 'web', description: 'two', lifetime: hour, sourceNetworks: [] });
  },
  async (vault, pass) => {
    await vault.rotate(admin, ['app/kept'], null);
    await vault.delete(admin, 'app/deleted');
    pass(hour / 2);
    await vault.upkeep.destroyEnded(10, noSpan);
  },
  async vault => {
    await vault.purge(admin, 'app/purged');
    const { tokens } = await vault.listTokens(admin, 10, null);
    await vault.revokeToken(admin, tokens[0]?.id ?? '');
    await vault.create(admin, 'app/late', { value: 'late' });
  },
  async vault => {
    // No change of a secret: reads, and what the vault notes of the log.
    for (let reads = 0; reads < 3; reads++) await vault.read(admin, 'app/db', null, () => false);
  },
];

export async function makeHistory(parent: string): Promise<History> {
  const installation = await install(join(parent, 'installation'), {
    JARVIS_SECRETSD_AUDIT_SEGMENT_BYTES: '4096',
  });
  const moments: string[] = [];
  let now = Date.now() - hour;
  for (const [index, chapter] of chapters.entries()) {
    const opened = await openTestVault({ folder: installation.folder, policy, now: () => now });
    await chapter(opened.vault, milliseconds => {
      now += milliseconds;
    });
    await opened.close();
    now += 1000;
    const copy = join(parent, `moment-${index}`);
    mkdirSync(copy);
    cpSync(join(installation.folder, 'data'), copy, { recursive: true });
    moments.push(copy);
  }
  return { installation, moments };
}

/** The installation with another past, in a folder of its own. */
export function copyOf({ installation }: History, folder: string): Installation {
  cpSync(installation.folder, folder, { recursive: true });
  return { ...installation, folder, configFile: join(folder, 'config.toml') };
}
