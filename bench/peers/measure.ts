import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { freePort } from '../../tools/free-port.ts';
import { connections, load, type Sample } from '../load.ts';
import { settleDisk } from '../vaults.ts';
import type { InstrumentationName } from './instrumentation.ts';
import type { Peer } from './peer.ts';
import { startProgram } from './program.ts';
import type { PeerSample } from './results.ts';

const secondsEach = 1.5;
/** Short, because what differs is the process: more rounds say more than longer ones. */
const secondsOfRoute = 1;

/**
 * Starts a peer in a new folder of `parent`, reads, writes, and takes all of it away.
 * @throws Error when any answer was not 2xx, or no write was answered: such a figure means nothing
 */
export async function measurePeer(peer: Peer, secrets: number, parent: string): Promise<PeerSample> {
  const folder = mkdtempSync(join(parent, 'peer-'));
  const server = await peer.start(folder, secrets);
  try {
    settleDisk();
    const reads = await load(server, [server.read], connections, secondsEach);
    settleDisk();
    const writes = await load(server, [server.write], connections, secondsEach);
    if (writes.requestsPerSecond === 0) throw new Error(`${peer.name} answered no write in ${secondsEach} s`);
    return { version: server.version, reads, writes };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts a bare route whose metrics are kept one way, and reads it. */
export async function measureInstrumentation(name: InstrumentationName): Promise<Sample> {
  const port = await freePort();
  const script = join(import.meta.dirname, 'instrumented-server.ts');
  const program = await startProgram(process.execPath, [script, name, String(port)], {}, 'ready');
  try {
    const server = { ...program, url: `http://127.0.0.1:${port}`, headers: {} };
    return await load(server, [{ method: 'GET', path: '/secret' }], connections, secondsOfRoute);
  } finally {
    await program.stop();
  }
}
