import { createHash, createPublicKey, createSecretKey, verify } from 'node:crypto';
import t from 'tap';
import { proofMessage } from '../../src/audit/structure.ts';
import { DecryptionError, open, seal } from '../../src/vault/envelope.ts';
import { createKeyWrap, type KeyPurpose } from '../../src/vault/key-wrap.ts';
import { beginKeyring, begunFor, createKeyring, openKeyring } from '../../src/vault/keyring.ts';
import {
  dataKeyEntry,
  encodeEntry,
  keyringProgress,
  type ReadState,
  stateKeys,
} from '../../src/vault/keyring-state.ts';
import stored from '../vectors/keyring.json' with { type: 'json' };
import published from '../vectors/published.json' with { type: 'json' };

type State = Record<string, Uint8Array>;

const masterKey = Buffer.alloc(32, 1);

function reader(state: State): ReadState {
  return async key => state[key] ?? null;
}

function openState(state: State, key: Uint8Array = masterKey): ReturnType<typeof openKeyring> {
  return openKeyring({ masterKey: key, state: reader(state) });
}

t.test('a new keyring opens again with all its keys', async t => {
  const { keyring, state } = createKeyring({ masterKey });
  const again = await openState(state);
  t.match(keyring.vaultId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  t.match(keyring.currentKid, /^k1-[0-9a-f]{8}$/);
  t.equal(again.vaultId, keyring.vaultId);
  t.equal(again.currentKid, keyring.currentKid);
  t.ok(again.rowMacKey.equals(keyring.rowMacKey));
  t.ok(again.publicKey.equals(keyring.publicKey));
  t.equal(again.publicKeyPem, keyring.publicKeyPem);
  t.equal(again.fingerprint, keyring.fingerprint);
  const context = { vaultId: keyring.vaultId, name: 'a', version: 1, kid: keyring.currentKid };
  const sealed = seal(keyring.dataKey(keyring.currentKid), context, 'value');
  t.equal(open(again.dataKey(again.currentKid), context, sealed), 'value');
});

t.test('no two vaults share anything', async t => {
  const one = createKeyring({ masterKey });
  const two = createKeyring({ masterKey });
  for (const key of ['vaultId', 'currentKid', 'fingerprint'] as const) {
    t.not(one.keyring[key], two.keyring[key], key);
  }
  t.notOk(one.keyring.rowMacKey.equals(two.keyring.rowMacKey));
  for (const key of Object.values(stateKeys)) t.notSame(one.state[key], two.state[key], key);
});

t.test('the stored keyring opens for ever', async t => {
  const state: State = {};
  for (const [key, hex] of Object.entries(stored.state)) state[key] = Buffer.from(hex, 'hex');
  const keyring = await openState(state, Buffer.from(stored.masterKey, 'hex'));
  t.equal(keyring.vaultId, stored.vaultId);
  t.equal(keyring.currentKid, stored.currentKid);
  for (const [kid, hex] of Object.entries(stored.dataKeys)) {
    t.ok(keyring.dataKey(kid).equals(createSecretKey(Buffer.from(hex, 'hex'))), kid);
  }
  t.ok(keyring.rowMacKey.equals(createSecretKey(Buffer.from(stored.rowMacKey, 'hex'))));
  t.equal(keyring.publicKeyPem, stored.publicKeyPem);
  t.equal(keyring.fingerprint, stored.fingerprint);
  t.equal(Buffer.from(keyring.sign(Buffer.from(stored.message))).toString('hex'), stored.signature);
  const proven = proofMessage(stored.vaultId, stored.auditProof);
  t.equal(Buffer.from(keyring.prove(proven)).toString('base64'), stored.auditProof.tag);
});

const { ed25519 } = published;
for (const vector of ed25519.cases) {
  t.test(`a keyring signs as RFC 8032 ${vector.name}`, async t => {
    const { keyring, state } = createKeyring({ masterKey });
    const der = Buffer.concat([
      Buffer.from('302e020100300506032b657004220420', 'hex'),
      Buffer.from(vector.seed, 'hex'),
    ]);
    const wrapped = createKeyWrap(masterKey, keyring.vaultId).wrap('signing', '', der);
    const opened = await openState({ ...state, [stateKeys.signing]: encodeEntry(wrapped) });
    const signature = opened.sign(Buffer.from(vector.message, 'hex'));
    t.equal(Buffer.from(signature).toString('hex'), vector.signature);
    t.equal(
      opened.publicKey.export({ format: 'jwk' }).x,
      Buffer.from(vector.publicKey, 'hex').toString('base64url'),
    );
  });
}

t.test('a signature verifies with the exported public key', async t => {
  const { keyring } = createKeyring({ masterKey });
  const data = Buffer.from('checkpoint');
  const publicKey = createPublicKey(keyring.publicKeyPem);
  t.ok(verify(null, data, publicKey, keyring.sign(data)));
  t.notOk(verify(null, Buffer.from('checkpoinT'), publicKey, keyring.sign(data)));
  const der = publicKey.export({ format: 'der', type: 'spki' });
  t.equal(keyring.fingerprint, createHash('sha256').update(der).digest('hex'));
});

t.test('an unknown kid is a decryption error', async t => {
  const { keyring } = createKeyring({ masterKey });
  t.throws(() => keyring.dataKey('k9-00000000'), DecryptionError);
});

t.test('a wrong master key is told at once', async t => {
  const { keyring, state } = createKeyring({ masterKey });
  await t.rejects(openState(state, Buffer.alloc(32, 2)), {
    name: 'StartError',
    message: new RegExp(`^the master key does not fit this vault \\(${keyring.vaultId}\\)`),
  });
});

t.test('every missing entry is named', async t => {
  const { state } = createKeyring({ masterKey });
  t.equal(Object.keys(state).length, 6);
  for (const key of Object.keys(state)) {
    const { [key]: _, ...rest } = state;
    await t.rejects(openState(rest), {
      name: 'StartError',
      message: `the vault holds half a state: ${key} is missing; restore the vault from a backup`,
    });
  }
});

t.test('every damaged entry is refused', async t => {
  const { state } = createKeyring({ masterKey });
  for (const [key, content] of Object.entries(state)) {
    for (let at = 0; at < content.length; at++) {
      const damaged = Uint8Array.from(content, (byte, i) => (i === at ? byte ^ 1 : byte));
      await t.rejects(openState({ ...state, [key]: damaged }), { name: 'StartError' }, `${key} byte ${at}`);
    }
    await t.rejects(openState({ ...state, [key]: content.subarray(0, -1) }), { name: 'StartError' });
    await t.rejects(openState({ ...state, [key]: new Uint8Array(0) }), { name: 'StartError' });
  }
});

t.test('an entry of another vault is refused', async t => {
  const { state } = createKeyring({ masterKey });
  const other = createKeyring({ masterKey });
  for (const key of [stateKeys.root, stateKeys.signing, stateKeys.dataKeys]) {
    const foreign = other.state[key] ?? new Uint8Array(0);
    await t.rejects(openState({ ...state, [key]: foreign }), {
      name: 'StartError',
      message: `the vault entry ${key} is damaged; restore the vault from a backup`,
    });
  }
});

t.test('half a keyring counts as stored', async t => {
  const { state } = createKeyring({ masterKey });
  t.equal(await keyringProgress(reader({})), 'none');
  for (const key of Object.values(stateKeys)) {
    t.equal(await keyringProgress(reader({ [key]: state[key] ?? new Uint8Array(0) })), 'stored', key);
    const { [key]: _, ...rest } = state;
    t.equal(await keyringProgress(reader(rest)), 'stored', `without ${key}`);
  }
});

t.test('a keyring that is begun knows its master key, and holds no other', async t => {
  const { vaultId, state } = beginKeyring(masterKey);
  t.equal(await keyringProgress(reader(state)), 'begun');
  t.same(Object.keys(state).toSorted(), [stateKeys.check, stateKeys.vaultId]);
  t.equal(await begunFor(masterKey, reader(state)), vaultId);
  t.equal(await begunFor(Buffer.alloc(32, 2), reader(state)), null);
  const finished = createKeyring({ masterKey, vaultId });
  t.same(finished.state[stateKeys.check], state[stateKeys.check]);
  t.same(finished.state[stateKeys.vaultId], state[stateKeys.vaultId]);
});

t.test('a new master key needs no re-encryption', async t => {
  const { keyring, state } = createKeyring({ masterKey });
  const newMasterKey = Buffer.alloc(32, 9);
  const before = createKeyWrap(masterKey, keyring.vaultId);
  const after = createKeyWrap(newMasterKey, keyring.vaultId);
  const rewrap = (key: string, purpose: KeyPurpose, kid: string): State => {
    const wrapped = state[key]?.subarray(1) ?? new Uint8Array(0);
    return { [key]: encodeEntry(after.wrap(purpose, kid, before.unwrap(purpose, kid, wrapped))) };
  };
  const renewed = {
    ...state,
    [stateKeys.check]: encodeEntry(after.checkValue),
    ...rewrap(stateKeys.root, 'root', ''),
    ...rewrap(stateKeys.signing, 'signing', ''),
    ...rewrap(stateKeys.dataKeys, 'data-keys', ''),
    ...rewrap(dataKeyEntry(keyring.currentKid), 'data', keyring.currentKid),
  };
  const again = await openState(renewed, newMasterKey);
  t.ok(again.rowMacKey.equals(keyring.rowMacKey));
  t.ok(again.dataKey(keyring.currentKid).equals(keyring.dataKey(keyring.currentKid)));
  t.equal(again.fingerprint, keyring.fingerprint);
});
