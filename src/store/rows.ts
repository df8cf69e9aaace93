/** Between the objects of the contract and the columns of the database. */
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { errorMessage } from '../errors.ts';
import {
  type RotationRule,
  type SecretHead,
  type SecretVersion,
  type StoredToken,
  StoreError,
  type VersionSummary,
} from './store.ts';

export type Row = Record<string, SQLOutputValue>;

/** In the order of `encodeHead`. */
export const headColumns = [
  'name',
  'active_version',
  'next_version',
  'revision',
  'created_at',
  'deleted_at',
  'purged',
  'metadata',
  'rotation',
  'expires_at',
  'intent_seq',
  'mac',
] as const;

/** In the order of `encodeVersion`. */
export const versionColumns = [
  'name',
  'version',
  'kid',
  'sealed',
  'created_at',
  'expires_at',
  'generated',
  'deactivated_at',
  'destroy_at',
  'mac',
] as const;

/** What lists read of a version: all but the value, which may lie on many pages of its own. */
export const summaryColumns = versionColumns.map(column =>
  column === 'sealed' ? 'versions.sealed IS NOT NULL AS has_value' : `versions.${column}`,
);

/** In the order of `encodeToken`. */
export const tokenColumns = [
  'id',
  'hash',
  'client',
  'description',
  'created_at',
  'expires_at',
  'source_networks',
  'last_used_at',
  'revoked_at',
  'intent_seq',
  'mac',
] as const;

/** The same condition as `liveCondition` in SQL. */
export function isLive(head: SecretHead): boolean {
  return head.deletedAt === null && head.activeVersion > 0 && !head.purged;
}

/** Blobs are copied: a Buffer would drag the whole pool it lies in to the writer's thread. */
export function encodeHead(head: SecretHead): SQLInputValue[] {
  return [
    head.name,
    head.activeVersion,
    head.nextVersion,
    head.revision,
    head.createdAt,
    head.deletedAt,
    Number(head.purged),
    JSON.stringify(head.metadata),
    head.rotation === null ? null : JSON.stringify(head.rotation),
    head.expiresAt,
    head.intentSeq,
    new Uint8Array(head.mac),
  ];
}

export function encodeVersion(version: SecretVersion): SQLInputValue[] {
  return [
    version.name,
    version.version,
    version.kid,
    version.sealed === null ? null : new Uint8Array(version.sealed),
    version.createdAt,
    version.expiresAt,
    Number(version.generated),
    version.deactivatedAt,
    version.destroyAt,
    new Uint8Array(version.mac),
  ];
}

export function encodeToken(token: StoredToken): SQLInputValue[] {
  return [
    token.id,
    new Uint8Array(token.hash),
    token.client,
    token.description,
    token.createdAt,
    token.expiresAt,
    token.sourceNetworks.join(' '),
    token.lastUsedAt,
    token.revokedAt,
    token.intentSeq,
    new Uint8Array(token.mac),
  ];
}

/** Reads columns that carry the prefix `head_`, since a head is read together with its version. */
export function decodeHead(row: Row): SecretHead {
  return Object.freeze({
    name: text(row, 'head_name'),
    activeVersion: integer(row, 'head_active_version'),
    nextVersion: integer(row, 'head_next_version'),
    revision: integer(row, 'head_revision'),
    createdAt: integer(row, 'head_created_at'),
    deletedAt: integerOrNull(row, 'head_deleted_at'),
    purged: integer(row, 'head_purged') === 1,
    metadata: metadata(text(row, 'head_metadata')),
    rotation: row['head_rotation'] === null ? null : rotation(text(row, 'head_rotation')),
    expiresAt: integerOrNull(row, 'head_expires_at'),
    intentSeq: integer(row, 'head_intent_seq'),
    mac: blob(row, 'head_mac'),
  });
}

export function decodeVersion(row: Row): SecretVersion {
  return Object.freeze({
    name: text(row, 'name'),
    version: integer(row, 'version'),
    kid: text(row, 'kid'),
    sealed: row['sealed'] === null ? null : blob(row, 'sealed'),
    createdAt: integer(row, 'created_at'),
    expiresAt: integer(row, 'expires_at'),
    generated: integer(row, 'generated') === 1,
    deactivatedAt: integerOrNull(row, 'deactivated_at'),
    destroyAt: integerOrNull(row, 'destroy_at'),
    mac: blob(row, 'mac'),
  });
}

export function decodeSummary(row: Row): VersionSummary {
  return {
    name: text(row, 'name'),
    version: integer(row, 'version'),
    kid: text(row, 'kid'),
    hasValue: integer(row, 'has_value') === 1,
    createdAt: integer(row, 'created_at'),
    expiresAt: integer(row, 'expires_at'),
    generated: integer(row, 'generated') === 1,
    deactivatedAt: integerOrNull(row, 'deactivated_at'),
    destroyAt: integerOrNull(row, 'destroy_at'),
    mac: blob(row, 'mac'),
  };
}

export function decodeToken(row: Row): StoredToken {
  return Object.freeze({
    id: text(row, 'id'),
    hash: blob(row, 'hash'),
    client: text(row, 'client'),
    description: text(row, 'description'),
    createdAt: integer(row, 'created_at'),
    expiresAt: integer(row, 'expires_at'),
    sourceNetworks: Object.freeze(text(row, 'source_networks').match(/\S+/g) ?? []),
    lastUsedAt: integerOrNull(row, 'last_used_at'),
    revokedAt: integerOrNull(row, 'revoked_at'),
    intentSeq: integer(row, 'intent_seq'),
    mac: blob(row, 'mac'),
  });
}

export function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : mistyped(column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  return typeof value === 'number' ? value : mistyped(column);
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

export function blob(row: Row, column: string): Uint8Array {
  const value = row[column];
  return value instanceof Uint8Array ? value : mistyped(column);
}

/** What SQLite says when it cannot read, as a StoreError `failed`. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError('failed', `the vault cannot be read: ${errorMessage(error)}`, { cause: error });
  }
}

function metadata(json: string): Readonly<Record<string, string>> {
  const value = frozenJson(json, 'metadata');
  return isStringRecord(value) ? value : mistyped('metadata');
}

function rotation(json: string): RotationRule {
  const value = frozenJson(json, 'rotation');
  return isRotationRule(value) ? value : mistyped('rotation');
}

/** Frozen to the last leaf, for everyone is handed the same cached object. */
function frozenJson(json: string, column: string): unknown {
  try {
    return JSON.parse(json, (_key, value: unknown) => Object.freeze(value));
  } catch {
    return mistyped(column);
  }
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(entry => typeof entry === 'string')
  );
}

function isRotationRule(value: unknown): value is RotationRule {
  return (
    typeof value === 'object' &&
    value !== null &&
    'every' in value &&
    typeof value.every === 'number' &&
    'grace' in value &&
    typeof value.grace === 'number' &&
    'generator' in value
  );
}

function mistyped(column: string): never {
  throw new StoreError(
    'failed',
    `the vault is damaged: the column ${column} holds something else than it should`,
  );
}
