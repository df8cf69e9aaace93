/** Rows for store tests: what matters to a test it names, the rest is plausible. */

import { createSecretKey, hash } from 'node:crypto';
import type { SealStart } from '../../src/store/seal-facts.ts';
import type { SealKeys } from '../../src/store/sealing.ts';
import type {
  Change,
  Operation,
  SecretHead,
  SecretVersion,
  StoredToken,
  VersionSummary,
} from '../../src/store/store.ts';

export const sealKeys: SealKeys = {
  rowSet: createSecretKey(Buffer.alloc(32, 1)),
  seal: createSecretKey(Buffer.alloc(32, 2)),
};

export const newSeal: SealStart = { commits: 0, hadToken: false, announced: false, acceptanceId: null };

const mac = new Uint8Array(32).fill(7);

export function head(name: string, fields: Partial<SecretHead> = {}): SecretHead {
  return {
    name,
    activeVersion: 1,
    nextVersion: 2,
    revision: 1,
    createdAt: 1_000,
    deletedAt: null,
    purged: false,
    metadata: { owner: 'web' },
    rotation: null,
    expiresAt: 9_000,
    intentSeq: 1,
    mac,
    ...fields,
  };
}

export function version(name: string, fields: Partial<SecretVersion> = {}): SecretVersion {
  return {
    name,
    version: 1,
    kid: 'k1',
    sealed: new Uint8Array([1, 2, 3]),
    createdAt: 1_000,
    expiresAt: 9_000,
    generated: false,
    deactivatedAt: null,
    destroyAt: null,
    mac,
    ...fields,
  };
}

/** The version as lists have it. */
export function summaryOf({ sealed, ...version }: SecretVersion): VersionSummary {
  return { ...version, hasValue: sealed !== null };
}

/** A change that makes a live secret with version 1. */
export function creation(name: string, fields: Partial<SecretHead> = {}): Change {
  return { head: head(name, fields), expectedRevision: 0, versions: [version(name)] };
}

/** The next change of a secret that `creation` made: other metadata, nothing else. */
export function update(name: string, expectedRevision = 1, fields: Partial<SecretHead> = {}): Change {
  return {
    head: head(name, { revision: expectedRevision + 1, metadata: { owner: 'other' }, ...fields }),
    expectedRevision,
    versions: [],
  };
}

/** A token whose hash follows from its id. */
export function token(id: string, fields: Partial<StoredToken> = {}): StoredToken {
  return {
    id,
    hash: new Uint8Array(hash('sha256', id, 'buffer')),
    client: 'web',
    description: '',
    createdAt: 1_000,
    expiresAt: 9_000,
    sourceNetworks: [],
    lastUsedAt: null,
    revokedAt: null,
    intentSeq: 1,
    mac,
    ...fields,
  };
}

/** Operations with ascending intents. */
export function operations(): () => Operation {
  let seq = 0;
  return () => {
    seq += 1;
    return { opId: `op-${seq}`, intentSeq: seq, intentHash: `hash-${seq}` };
  };
}
