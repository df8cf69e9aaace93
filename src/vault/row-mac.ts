import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { SecretHead, SecretVersion, StoredToken, VersionSummary } from '../store/store.ts';
import { FORMAT } from './envelope.ts';
import { netstrings } from './netstring.ts';

/** A row before it is signed. */
export type UnsignedHead = Omit<SecretHead, 'mac'>;
export type UnsignedVersion = Omit<SecretVersion, 'mac'>;
export type UnsignedToken = Omit<StoredToken, 'mac'>;

/** HMAC-SHA-256 over every field of the head: 32 bytes. */
export function signHead(macKey: KeyObject, vaultId: string, head: UnsignedHead): Uint8Array {
  return mac(macKey, ['head', vaultId, ...headFields(head)]);
}

export function verifyHead(macKey: KeyObject, vaultId: string, head: SecretHead): boolean {
  return equal(signHead(macKey, vaultId, head), head.mac);
}

/**
 * HMAC-SHA-256 over every field of the version but the sealed bytes, of which it binds only whether there are any:
 * what they hold is bound to name, version and data key by their own seal.
 */
export function signVersion(macKey: KeyObject, vaultId: string, version: UnsignedVersion): Uint8Array {
  return mac(macKey, ['version', vaultId, ...versionFields(version, version.sealed !== null)]);
}

export function verifyVersion(macKey: KeyObject, vaultId: string, version: SecretVersion): boolean {
  return equal(signVersion(macKey, vaultId, version), version.mac);
}

/** As `verifyVersion`, for a version whose value was not read. */
export function verifySummary(macKey: KeyObject, vaultId: string, summary: VersionSummary): boolean {
  return equal(mac(macKey, ['version', vaultId, ...versionFields(summary, summary.hasValue)]), summary.mac);
}

/** HMAC-SHA-256 over every field of the token's row. */
export function signToken(macKey: KeyObject, vaultId: string, token: UnsignedToken): Uint8Array {
  return mac(macKey, ['token', vaultId, ...tokenFields(token)]);
}

export function verifyToken(macKey: KeyObject, vaultId: string, token: StoredToken): boolean {
  return equal(signToken(macKey, vaultId, token), token.mac);
}

function headFields(head: UnsignedHead): string[] {
  return [
    head.name,
    String(head.activeVersion),
    String(head.nextVersion),
    String(head.revision),
    String(head.createdAt),
    optional(head.deletedAt),
    String(head.purged),
    canonicalJson(head.metadata),
    canonicalJson(head.rotation),
    optional(head.expiresAt),
    String(head.intentSeq),
  ];
}

function versionFields(version: Omit<UnsignedVersion, 'sealed'>, hasValue: boolean): string[] {
  return [
    version.name,
    String(version.version),
    version.kid,
    hasValue ? 'sealed' : 'destroyed',
    String(version.createdAt),
    String(version.expiresAt),
    String(version.generated),
    optional(version.deactivatedAt),
    optional(version.destroyAt),
  ];
}

function tokenFields(token: UnsignedToken): string[] {
  return [
    token.id,
    Buffer.from(token.hash).toString('hex'),
    token.client,
    token.description,
    String(token.createdAt),
    String(token.expiresAt),
    token.sourceNetworks.join(' '),
    optional(token.lastUsedAt),
    optional(token.revokedAt),
    String(token.intentSeq),
  ];
}

function optional(time: number | null): string {
  return time === null ? '' : String(time);
}

/** JSON without white space, members sorted by UTF-16 code units: RFC 8785, but lone surrogates are escaped. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

function mac(macKey: KeyObject, fields: readonly string[]): Uint8Array {
  return createHmac('sha256', macKey)
    .update(netstrings([FORMAT, ...fields]))
    .digest();
}

function equal(expected: Uint8Array, actual: Uint8Array): boolean {
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
