import type { Moment } from '../clock/trusted-clock.ts';
import { ServiceError } from '../errors.ts';
import type {
  NameUsage,
  RotationRule,
  SecretHead,
  SecretVersion,
  StoredSecret,
  VersionSummary,
} from '../store/store.ts';

/**
 * The version rules, pure: what a head and its versions become under each operation. A version number is never
 * reused, a supplied version is never destroyed by the clock, a generated one only after its grace.
 */
export type UnsignedHead = Omit<SecretHead, 'mac' | 'intentSeq'>;
export type UnsignedVersion = Omit<SecretVersion, 'mac'>;

/** What an operation makes of a secret, before it is signed. */
export interface Planned {
  readonly expectedRevision: number;
  readonly head: UnsignedHead;
  readonly versions: readonly UnsignedVersion[];
  readonly dropVersions?: boolean;
  /** Destroyed versions whose rows make room for the new one. */
  readonly dropped?: readonly number[];
  /** What comes or goes with the change, for the quotas. */
  readonly growth: Growth;
}

/** By how much the vault grows; negative where it shrinks. */
export interface Growth {
  readonly secrets: number;
  /** As `bytesOf` counts them. */
  readonly bytes: number;
}

/** What a name and a version take beside values and metadata, in bytes: rows, indexes, signatures. */
const bytesOfName = 512;
const bytesOfVersion = 256;

/** What a name takes, as the quotas count it. A purged name still takes its row. */
export function bytesOf({ bytes, versions }: Pick<NameUsage, 'bytes' | 'versions'>): number {
  return bytesOfName + versions * bytesOfVersion + bytes;
}

const unchanged: Growth = { secrets: 0, bytes: 0 };

/** Milliseconds that apply where a secret has no rotation rule of its own. */
export interface DefaultPeriods {
  readonly every: number;
  readonly grace: number;
}

export interface NewVersion {
  readonly kid: string;
  readonly sealed: Uint8Array;
  readonly generated: boolean;
  readonly activate: boolean;
  /** Destroyed versions that make room for it. */
  readonly dropped?: readonly number[];
  /** Absent keeps what the secret has. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Absent keeps the rule; null removes it. */
  readonly rotation?: RotationRule | null | undefined;
}

/** The version number that the next value of the name gets. */
export function nextVersionOf(head: SecretHead | null): number {
  return head?.nextVersion ?? 1;
}

/** Whether anything but the version counter is stored under the name. */
export function exists(head: SecretHead | null): head is SecretHead {
  return head !== null && !head.purged;
}

/** @throws ServiceError not_found */
export function requireExisting(stored: StoredSecret | null, name: string): StoredSecret {
  if (stored !== null && exists(stored.head)) return stored;
  throw new ServiceError('not_found', `There is no secret named "${name}".`);
}

/** @throws ServiceError not_found or deleted */
export function requireLive(stored: StoredSecret | null, name: string): StoredSecret {
  const existing = requireExisting(stored, name);
  if (existing.head.deletedAt === null) return existing;
  throw new ServiceError('deleted', `"${name}" is deleted; undelete or purge it first.`);
}

/**
 * While the clock is in doubt, a rotation is planned from the earliest time that it may be and a grace from the latest: the
 * one never moves away by a wrong clock, and the other is never cut short.
 */
export function addVersion(
  head: SecretHead | null,
  active: SecretVersion | null,
  name: string,
  added: NewVersion,
  moment: Moment,
  defaults: DefaultPeriods,
): Planned {
  const { now, earliest } = moment;
  const previous = exists(head) ? head : null;
  const { dropped = [] } = added;
  const rotation = added.rotation === undefined ? (previous?.rotation ?? null) : added.rotation;
  const version: UnsignedVersion = {
    name,
    version: nextVersionOf(head),
    kid: added.kid,
    sealed: added.sealed,
    createdAt: now,
    expiresAt: earliest + (rotation?.every ?? defaults.every),
    generated: added.generated,
    deactivatedAt: null,
    destroyAt: null,
  };
  const replaced = added.activate && active !== null ? [deactivate(active, rotation, moment, defaults)] : [];
  return {
    expectedRevision: head?.revision ?? 0,
    head: {
      name,
      activeVersion: added.activate ? version.version : (previous?.activeVersion ?? 0),
      nextVersion: version.version + 1,
      revision: (head?.revision ?? 0) + 1,
      createdAt: previous?.createdAt ?? now,
      deletedAt: null,
      purged: false,
      metadata: added.metadata ?? previous?.metadata ?? {},
      rotation,
      expiresAt: added.activate ? version.expiresAt : (previous?.expiresAt ?? null),
    },
    versions: [...replaced, version],
    dropped,
    growth: {
      secrets: previous === null ? 1 : 0,
      bytes:
        (head === null ? bytesOfName : 0) +
        bytesOfVersion * (1 - dropped.length) +
        added.sealed.length +
        sizeOf(added.metadata ?? previous?.metadata ?? {}) -
        sizeOf(previous?.metadata ?? {}),
    },
  };
}

/** Makes a staged or older version the active one; its rotation falls due a full period from now. */
export function activateVersion(
  head: SecretHead,
  active: SecretVersion | null,
  target: SecretVersion,
  moment: Moment,
  defaults: DefaultPeriods,
): Planned {
  const expiresAt = moment.earliest + (head.rotation?.every ?? defaults.every);
  const replaced = active === null ? [] : [deactivate(active, head.rotation, moment, defaults)];
  return {
    expectedRevision: head.revision,
    head: { ...unsigned(head), activeVersion: target.version, expiresAt },
    versions: [...replaced, { ...target, expiresAt, deactivatedAt: null, destroyAt: null }],
    growth: unchanged,
  };
}

export function markDeleted(head: SecretHead, now: number): Planned {
  return {
    expectedRevision: head.revision,
    head: { ...unsigned(head), deletedAt: now },
    versions: [],
    growth: unchanged,
  };
}

export function unmarkDeleted(head: SecretHead): Planned {
  return {
    expectedRevision: head.revision,
    head: { ...unsigned(head), deletedAt: null },
    versions: [],
    growth: unchanged,
  };
}

/**
 * Leaves only the name and the number its next version gets.
 * @param usage of the name before
 */
export function purge(head: SecretHead, usage: NameUsage | null): Planned {
  return {
    expectedRevision: head.revision,
    head: {
      ...unsigned(head),
      activeVersion: 0,
      deletedAt: null,
      purged: true,
      metadata: {},
      rotation: null,
      expiresAt: null,
    },
    versions: [],
    dropVersions: true,
    growth: { secrets: -1, bytes: usage === null ? 0 : bytesOfName - bytesOf(usage) },
  };
}

export function destroyVersion(head: SecretHead, version: SecretVersion): Planned {
  return {
    expectedRevision: head.revision,
    head: unsigned(head),
    versions: [{ ...version, sealed: null, destroyAt: null }],
    growth: { secrets: 0, bytes: -(version.sealed?.length ?? 0) },
  };
}

/** Whether the value can still be had at `now`. */
export function isReadable(version: SecretVersion, now: number): boolean {
  return version.sealed !== null && (version.destroyAt === null || now < version.destroyAt);
}

/** As `isReadable`, of a version whose value was not read. */
export function isSummaryReadable({ hasValue, destroyAt }: VersionSummary, now: number): boolean {
  return hasValue && (destroyAt === null || now < destroyAt);
}

function deactivate(
  active: SecretVersion,
  rotation: RotationRule | null,
  { now, latest }: Moment,
  defaults: DefaultPeriods,
): UnsignedVersion {
  const grace = rotation?.grace ?? defaults.grace;
  return { ...active, deactivatedAt: now, destroyAt: active.generated ? latest + grace : null };
}

function sizeOf(metadata: Readonly<Record<string, string>>): number {
  return JSON.stringify(metadata).length;
}

function unsigned(head: SecretHead): UnsignedHead {
  const { mac: _mac, intentSeq: _intentSeq, ...rest } = head;
  return { ...rest, revision: head.revision + 1 };
}
