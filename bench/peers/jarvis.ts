import { join } from 'node:path';
import packageFile from '../../package.json' with { type: 'json' };
import { freePort } from '../../tools/free-port.ts';
import { adminByToken } from '../admin-token.ts';
import { requestJson } from '../json-request.ts';
import { checkout, install } from '../processes.ts';
import { seedVault } from '../vaults.ts';
import type { Guarantees, Peer, PeerServer } from './peer.ts';
import { startProgram } from './program.ts';
import { manySecrets } from './sizes.ts';

type Identity = Peer['identity'];

const executable = join(checkout, 'bin/jarvis-secretsd');

const guarantees: Guarantees = {
  atRest: 'AES-256-GCM by data keys, bound to name and version; a MAC of each row',
  write:
    'its audit records, of the intent and of the outcome, and its row are on disk, by fsyncs that what waits shares',
  audit: 'its record is on disk, by an fsync that what waits shares',
  auditIntegrity: 'a hash chain and an Ed25519 signature of it each second, anchored in the vault',
  policy: 'patterns by action, each request',
};

/** This service as it is shipped: config.toml and policy.yaml of the checkout. */
function jarvis(identity: Identity, sizes: readonly number[]): Peer {
  return {
    name: 'jarvis-secretsd',
    identity,
    sizes,
    guarantees,
    start: (folder, secrets) => start(identity, 'always', folder, secrets),
  };
}

export const byHeader = jarvis('header', [0]);
export const byToken = jarvis('token', [0, manySecrets]);

/** Beside peers that do not wait for the disk, either. */
export const withoutSyncOfReads: Peer = {
  name: 'jarvis-secretsd (audit.sync = "changes")',
  identity: 'token',
  sizes: [manySecrets],
  guarantees: {
    ...guarantees,
    audit: 'its record is handed to the kernel; a power cut may lose those of the last second',
  },
  start: (folder, secrets) => start('token', 'changes', folder, secrets),
};

async function start(
  identity: Identity,
  sync: 'always' | 'changes',
  parent: string,
  secrets: number,
): Promise<PeerServer> {
  const folder = secrets === 0 ? install(parent) : await seedVault(parent, secrets);
  const address = `127.0.0.1:${await freePort()}`;
  const environment = {
    JARVIS_SECRETSD_SERVER_BIND_ADDR: address,
    JARVIS_SECRETSD_SECURITY_IDENTITY: identity,
    JARVIS_SECRETSD_AUDIT_SYNC: sync,
  };
  const args = ['--config', join(folder, 'config.toml')];
  const started = await startProgram(executable, args, environment, '"msg":"ready"');
  const url = `http://${address}`;
  const headers = identity === 'token' ? await adminByToken(url, folder) : { 'x-jarvis-client': 'admin' };
  await requestJson('POST', `${url}/secret`, headers, { name: 'test', value: 'val' });
  return {
    ...started,
    url,
    version: packageFile.version,
    headers,
    read: { method: 'GET', path: '/secret/test' },
    write: { method: 'POST', path: '/secret', body: JSON.stringify({ name: 'bench/[<id>]', value: 'val' }) },
  };
}
