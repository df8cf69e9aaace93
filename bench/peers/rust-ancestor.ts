import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../tools/free-port.ts';
import { requestJson } from '../json-request.ts';
import { secretName } from '../names.ts';
import type { ForeignPeer, PeerServer } from './peer.ts';
import { startProgram } from './program.ts';
import { manySecrets } from './sizes.ts';

/** The daemon in Rust that this service descends from: folder jarvis-secretsd of legeeknumero1/Projet-Jarvis. */
export const rustAncestor: ForeignPeer = {
  name: 'Rust ancestor',
  variable: 'JARVIS_BENCH_RUST_ANCESTOR',
  program: 'the executable jarvis-secretsd of legeeknumero1/Projet-Jarvis, a release build',
  identity: 'token',
  sizes: [0, manySecrets],
  guarantees: {
    atRest: 'AES-256-GCM by one key, not bound to the name',
    write: 'the whole vault is written to a new JSON file and renamed; no fsync',
    audit: 'its line is handed to the kernel; no fsync, and the value is sent even where that fails',
    auditIntegrity: 'an Ed25519 signature of each line, but no chain: a line can go unseen',
    policy: 'prefix patterns, each request',
  },
  start,
};

/** The file that holds the vault, as far as it is read here. */
interface VaultFile {
  readonly secrets: Record<string, unknown>;
}

const policy = `clients:
  bench:
    allow: [test, "bench/*"]
    permissions: [read, write]
default_deny: true
`;

async function start(program: string, folder: string, secrets: number): Promise<PeerServer> {
  writeFileSync(join(folder, 'policy.yaml'), policy);
  const token = randomBytes(24).toString('hex');
  const server = await launch(program, folder, token);
  await requestJson('POST', `${server.url}/secret`, server.headers, { name: 'test', value: 'val' });
  if (secrets === 0) return server;
  await server.stop();
  multiply(join(folder, 'vault.json'), secrets);
  return launch(program, folder, token);
}

async function launch(program: string, folder: string, token: string): Promise<PeerServer> {
  const address = `127.0.0.1:${await freePort()}`;
  const environment = {
    JARVIS_SECRETSD_BIND_ADDR: address,
    JARVIS_SECRETSD_VAULT_PATH: join(folder, 'vault.json'),
    JARVIS_SECRETSD_AUDIT_PATH: join(folder, 'audit.jsonl'),
    JARVIS_SECRETSD_MASTER_KEY_PATH: join(folder, 'master.key'),
    JARVIS_SECRETSD_POLICY_PATH: join(folder, 'policy.yaml'),
    SECRETSD_TOKENS: `bench:${token}`,
  };
  const args = ['--config', join(folder, 'config.toml')];
  const started = await startProgram(program, args, environment, 'Server started successfully');
  const url = `http://${address}`;
  const { version } = (await requestJson('GET', `${url}/healthz`, {})) as { version: string };
  return {
    ...started,
    url,
    version,
    headers: { authorization: `Bearer ${token}` },
    read: { method: 'GET', path: '/secret/test' },
    write: { method: 'POST', path: '/secret', body: JSON.stringify({ name: 'bench/[<id>]', value: 'val' }) },
  };
}

/** Its records are not bound to their names, so copies of one serve as well; to create them takes a minute. */
function multiply(vaultFile: string, secrets: number): void {
  const vault = JSON.parse(readFileSync(vaultFile, 'utf8')) as VaultFile;
  for (let index = 0; index < secrets; index++) vault.secrets[secretName(index)] = vault.secrets['test'];
  writeFileSync(vaultFile, JSON.stringify(vault));
}
