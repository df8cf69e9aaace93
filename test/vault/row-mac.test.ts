import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import type { SecretHead, SecretVersion, StoredToken } from '../../src/store/store.ts';
import {
  signHead,
  signToken,
  signVersion,
  verifyHead,
  verifyToken,
  verifyVersion,
} from '../../src/vault/row-mac.ts';
import { anyCharacter } from '../helpers/text.ts';
import vectors from '../vectors/row-macs.json' with { type: 'json' };

const vaultId = vectors.vaultId;
const macKey = createSecretKey(Buffer.from(vectors.macKey, 'hex'));
const otherKey = createSecretKey(Buffer.alloc(32, 9));

const head: SecretHead = signedHead({
  name: 'app/password',
  activeVersion: 2,
  nextVersion: 3,
  revision: 5,
  createdAt: 1000,
  deletedAt: null,
  purged: false,
  metadata: { owner: 'web', team: 'a' },
  rotation: { every: 10, grace: 5, generator: { type: 'random', length: 32 } },
  expiresAt: 2000,
  intentSeq: 7,
});

const version: SecretVersion = signedVersion({
  name: 'app/password',
  version: 2,
  kid: 'k1-00000001',
  sealed: Buffer.from('sealed'),
  createdAt: 1000,
  expiresAt: 2000,
  generated: true,
  deactivatedAt: null,
  destroyAt: null,
});

for (const vector of vectors.heads) {
  t.test(`the MAC of the stored head ${vector.row.name} verifies for ever`, async t => {
    t.ok(verifyHead(macKey, vaultId, { ...vector.row, mac: Buffer.from(vector.mac, 'hex') }));
  });
}

for (const vector of vectors.versions) {
  t.test(`the MAC of the stored version ${vector.row.version} verifies for ever`, async t => {
    const sealed = vector.row.sealed === null ? null : Buffer.from(vector.row.sealed, 'hex');
    t.ok(verifyVersion(macKey, vaultId, { ...vector.row, sealed, mac: Buffer.from(vector.mac, 'hex') }));
  });
}

for (const vector of vectors.tokens) {
  t.test(`the MAC of the stored token ${vector.row.id} verifies for ever`, async t => {
    const hash = Buffer.from(vector.row.hash, 'hex');
    t.ok(verifyToken(macKey, vaultId, { ...vector.row, hash, mac: Buffer.from(vector.mac, 'hex') }));
  });
}

const headChanges: Partial<SecretHead>[] = [
  { name: 'app/passwor' },
  { activeVersion: 1 },
  { nextVersion: 4 },
  { revision: 4 },
  { createdAt: 1001 },
  { deletedAt: 0 },
  { purged: true },
  { metadata: { owner: 'web', team: 'b' } },
  { metadata: {} },
  { rotation: null },
  { rotation: { every: 10, grace: 5, generator: { type: 'random', length: 16 } } },
  { expiresAt: null },
  { intentSeq: 8 },
  { mac: new Uint8Array(32) },
  { mac: new Uint8Array(0) },
  { mac: head.mac.subarray(0, 31) },
];

t.test('a head verifies as signed, and no other way', async t => {
  t.ok(verifyHead(macKey, vaultId, head));
  t.notOk(verifyHead(otherKey, vaultId, head), 'another key');
  t.notOk(verifyHead(macKey, 'other', head), 'another vault');
  for (const change of headChanges) {
    t.notOk(verifyHead(macKey, vaultId, { ...head, ...change }), JSON.stringify(change));
  }
  const changed = new Set(headChanges.flatMap(Object.keys));
  t.strictSame([...changed].sort(), Object.keys(head).sort(), 'every field is tried');
});

const versionChanges: Partial<SecretVersion>[] = [
  { name: 'app/other' },
  { version: 1 },
  { kid: 'k2-00000001' },
  { sealed: null },
  { createdAt: 1001 },
  { expiresAt: 2001 },
  { generated: false },
  { deactivatedAt: 0 },
  { destroyAt: 0 },
  { mac: new Uint8Array(32) },
];

t.test('a version verifies as signed, and no other way', async t => {
  t.ok(verifyVersion(macKey, vaultId, version));
  t.notOk(verifyVersion(otherKey, vaultId, version), 'another key');
  t.notOk(verifyVersion(macKey, 'other', version), 'another vault');
  for (const change of versionChanges) {
    t.notOk(verifyVersion(macKey, vaultId, { ...version, ...change }), JSON.stringify(change));
  }
  const changed = new Set(versionChanges.flatMap(Object.keys));
  t.strictSame([...changed].sort(), Object.keys(version).sort(), 'every field is tried');
});

const unsignedToken = {
  id: 't-1',
  hash: Buffer.alloc(32, 5),
  client: 'web',
  description: 'a job',
  createdAt: 1000,
  expiresAt: 2000,
  sourceNetworks: ['10.0.0.0/8', '192.0.2.1'],
  lastUsedAt: null,
  revokedAt: null,
  intentSeq: 7,
};
const token: StoredToken = { ...unsignedToken, mac: signToken(macKey, vaultId, unsignedToken) };

const tokenChanges: Partial<StoredToken>[] = [
  { id: 't-2' },
  { hash: Buffer.alloc(32, 6) },
  { hash: Buffer.alloc(0) },
  { client: 'admin' },
  { description: '' },
  { createdAt: 1001 },
  { expiresAt: 3000 },
  { sourceNetworks: [] },
  { sourceNetworks: ['10.0.0.0/8'] },
  { sourceNetworks: ['192.0.2.1', '10.0.0.0/8'] },
  { lastUsedAt: 1500 },
  { revokedAt: 1500 },
  { intentSeq: 8 },
  { mac: new Uint8Array(32) },
];

t.test('a token verifies as signed, and no other way', async t => {
  t.ok(verifyToken(macKey, vaultId, token));
  t.notOk(verifyToken(otherKey, vaultId, token), 'another key');
  t.notOk(verifyToken(macKey, 'other', token), 'another vault');
  for (const change of tokenChanges) {
    t.notOk(verifyToken(macKey, vaultId, { ...token, ...change }), JSON.stringify(change));
  }
  const changed = new Set(tokenChanges.flatMap(Object.keys));
  t.strictSame([...changed].sort(), Object.keys(token).sort(), 'every field is tried');
});

t.test('two times cannot be exchanged', async t => {
  const ended = signedVersion({ ...version, deactivatedAt: 5, destroyAt: null });
  t.notOk(verifyVersion(macKey, vaultId, { ...ended, deactivatedAt: null, destroyAt: 5 }));
});

t.test('members may be stored in any order, and undefined ones are not stored', async t => {
  const generator = { length: 32, nothing: undefined, type: 'random' };
  const reordered = {
    ...head,
    metadata: { team: 'a', owner: 'web' },
    rotation: { generator, grace: 5, every: 10 },
  };
  t.ok(verifyHead(macKey, vaultId, reordered));
});

t.test('metadata and rotation keep their MAC through JSON', async t => {
  const anyMetadata = fc.dictionary(fc.string({ unit: anyCharacter }), fc.string({ unit: anyCharacter }));
  fc.assert(
    fc.property(fc.jsonValue(), anyMetadata, (generator, metadata) => {
      const signed = signedHead({ ...head, metadata, rotation: { every: 1, grace: 1, generator } });
      return verifyHead(macKey, vaultId, {
        ...signed,
        metadata: JSON.parse(JSON.stringify(signed.metadata)),
        rotation: JSON.parse(JSON.stringify(signed.rotation)),
      });
    }),
  );
  t.pass();
});

function signedHead(row: Omit<SecretHead, 'mac'>): SecretHead {
  return { ...row, mac: signHead(macKey, vaultId, row) };
}

function signedVersion(row: Omit<SecretVersion, 'mac'>): SecretVersion {
  return { ...row, mac: signVersion(macKey, vaultId, row) };
}
