import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../tools/free-port.ts';
import { requestJson } from '../json-request.ts';
import type { ForeignPeer, PeerServer } from './peer.ts';
import { startProgram } from './program.ts';

/** OpenBao as it runs in production on one host: sealed storage by raft, a file audit device, a token with a policy. */
export const openBao: ForeignPeer = {
  name: 'OpenBao',
  variable: 'JARVIS_BENCH_OPENBAO',
  program: 'the executable bao of openbao/openbao',
  identity: 'token',
  sizes: [0],
  guarantees: {
    atRest: 'AES-256-GCM behind the seal',
    write: 'it is in the raft log and in the state, by an fsync each that what waits shares',
    audit: 'a line for the request and one for the answer are handed to the kernel; no fsync',
    auditIntegrity: 'nothing of its own: no chain, no signature',
    policy: 'the ACL of the token, each request',
  },
  start,
};

const attempts = 100;
const attemptPause = 100;

const policy = `path "secret/data/test" { capabilities = ["read"] }
path "secret/data/bench/*" { capabilities = ["create"] }
`;

function configuration(folder: string, address: string, clusterAddress: string): string {
  return `storage "raft" {
  path    = "${join(folder, 'raft')}"
  node_id = "bench"
}
listener "tcp" {
  address         = "${address}"
  cluster_address = "${clusterAddress}"
  tls_disable     = true
}
audit "file" "bench" {
  options {
    file_path = "${join(folder, 'audit.log')}"
  }
}
api_addr     = "http://${address}"
cluster_addr = "https://${clusterAddress}"
`;
}

async function start(program: string, folder: string): Promise<PeerServer> {
  mkdirSync(join(folder, 'raft'));
  const address = `127.0.0.1:${await freePort()}`;
  const configFile = join(folder, 'config.hcl');
  writeFileSync(configFile, configuration(folder, address, `127.0.0.1:${await freePort()}`));
  const started = await startProgram(program, ['server', `-config=${configFile}`], {}, 'server started!');
  const url = `http://${address}`;
  const root = await unseal(url);
  const { version } = (await requestJson('GET', `${url}/v1/sys/health`, {})) as { version: string };
  const token = await prepare(url, root);
  return {
    ...started,
    url,
    version,
    headers: { 'x-vault-token': token },
    read: { method: 'GET', path: '/v1/secret/data/test' },
    write: {
      method: 'POST',
      path: '/v1/secret/data/bench/[<id>]',
      body: JSON.stringify({ data: { value: 'val' } }),
    },
  };
}

/** Makes the keys, opens the seal and waits until the one node leads; the root token. */
async function unseal(url: string): Promise<string> {
  const shares = { secret_shares: 1, secret_threshold: 1 };
  const made = await requestJson('PUT', `${url}/v1/sys/init`, {}, shares);
  const { keys, root_token } = made as { keys: string[]; root_token: string };
  await requestJson('PUT', `${url}/v1/sys/unseal`, {}, { key: keys[0] });
  await untilAnswered(() => requestJson('GET', `${url}/v1/sys/health`, {}));
  return root_token;
}

/** Mounts the engine with the secret `test` in it; a token that may read it and create others. */
async function prepare(url: string, root: string): Promise<string> {
  const ask = (method: string, path: string, body?: unknown) =>
    requestJson(method, `${url}/v1/${path}`, { 'x-vault-token': root }, body);
  await ask('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } });
  await ask('PUT', 'sys/policies/acl/bench', { policy });
  // A new mount of version 2 refuses writes until it has set itself up.
  await untilAnswered(() => ask('POST', 'secret/data/test', { data: { value: 'val' } }));
  const created = await ask('POST', 'auth/token/create', { policies: ['bench'], no_default_policy: true });
  return (created as { auth: { client_token: string } }).auth.client_token;
}

async function untilAnswered(ask: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await ask();
      return;
    } catch (error) {
      if (attempt === attempts) throw error;
    }
    await delay(attemptPause);
  }
}
