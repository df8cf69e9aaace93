import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ExecutableServer, startExecutable } from './executable.ts';
import { connections, type LoadRequest, load, type Sample, startLoad } from './load.ts';
import { secretName } from './names.ts';
import { inTurn, type Rounds, record, roundsWithin } from './rounds.ts';
import { seedVault } from './vaults.ts';

const secrets = 10_000;
const secondsEach = 0.6;
/** Changes are slower than reads, so that their code takes longer to be compiled: once, and then a little for each case. */
const warmSecondsOnce = 2;
const warmSecondsEach = 0.3;
const clients = [1, 8, 64];

/** No two clients have a name in common, so that none waits for another's change. */
const kinds: Readonly<Record<string, readonly LoadRequest[]>> = {
  creates: [{ method: 'POST', path: '/secret', body: '{"name":"new/[<id>]","value":"val"}' }],
  updates: names().map(name => ({ method: 'PUT', path: `/secret/${name}`, body: '{"value":"val"}' })),
  rotations: names().map(name => ({ method: 'POST', path: '/rotate', body: `{"names":["${name}"]}` })),
};

export function writesRow(kind: string, count: number): string {
  return `${kind}, ${count} ${count === 1 ? 'client' : 'clients'}`;
}

/** Changes, each answered when it is on disk, in a vault of ten thousand; the server is free to use every core. */
export async function measureWrites(
  folder: string,
  seconds: number,
  progress: (text: string) => void,
): Promise<Rounds<Sample>> {
  const samples: Rounds<Sample> = new Map();
  await roundsWithin(seconds, async round => {
    progress(`writes, round ${round}`);
    const parent = join(folder, `writes-${round}`);
    const server = await startExecutable(await seedVault(parent, secrets));
    try {
      for (const requests of Object.values(kinds))
        (await startLoad(server, requests, connections, warmSecondsOnce)).end();
      await eachKind(server, inTurn(clients, round), samples);
    } finally {
      await server.stop();
      rmSync(parent, { recursive: true, force: true });
    }
  });
  return samples;
}

async function eachKind(
  server: ExecutableServer,
  counts: readonly number[],
  samples: Rounds<Sample>,
): Promise<void> {
  for (const [kind, requests] of Object.entries(kinds)) {
    for (const count of counts) {
      record(
        samples,
        writesRow(kind, count),
        await load(server, requests, count, secondsEach, warmSecondsEach),
      );
    }
  }
}

function names(): string[] {
  return Array.from({ length: secrets }, (_, index) => secretName(index));
}
