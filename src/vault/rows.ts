import type { Metrics } from '../../telemetry/instruments.ts';
import { ServiceError } from '../errors.ts';
import type {
  Change,
  SecretSummary,
  SecretVersion,
  StoredSecret,
  StoredToken,
  VersionSummary,
} from '../store/store.ts';
import { open, seal } from './envelope.ts';
import type { Keyring } from './keyring.ts';
import {
  signHead,
  signToken,
  signVersion,
  type UnsignedToken,
  verifyHead,
  verifySummary,
  verifyToken,
  verifyVersion,
} from './row-mac.ts';
import type { Trust } from './trust.ts';
import type { Planned } from './versions.ts';

/** Between plain values and stored rows: seals and opens values, signs and verifies rows, counts each. */
export class Rows {
  readonly #keyring: Keyring;
  readonly #metrics: Metrics;
  readonly #trust: Trust;
  /** The store returns the same object while a row is unchanged, so each is verified once. */
  readonly #verified = new WeakSet<object>();

  constructor(keyring: Keyring, metrics: Metrics, trust: Trust) {
    this.#keyring = keyring;
    this.#metrics = metrics;
    this.#trust = trust;
  }

  sealValue(name: string, version: number, value: string): { kid: string; sealed: Uint8Array } {
    const kid = this.#keyring.currentKid;
    const sealed = seal(
      this.#keyring.dataKey(kid),
      { vaultId: this.#keyring.vaultId, name, version, kid },
      value,
    );
    this.#metrics.valueEncrypted();
    return { kid, sealed };
  }

  /** @throws ServiceError internal where the row was tampered with or its key is missing; counted. */
  openValue(row: SecretVersion): string {
    this.#metrics.decryptionAttempted();
    try {
      this.verifyVersion(row);
      const { name, version, kid, sealed } = row;
      if (sealed === null) throw new Error('the value was destroyed');
      return open(this.#keyring.dataKey(kid), { vaultId: this.#keyring.vaultId, name, version, kid }, sealed);
    } catch (error) {
      this.#metrics.decryptionFailed();
      throw new ServiceError(
        'internal',
        `Version ${row.version} of "${row.name}" cannot be decrypted: it was altered outside this service, or its key is missing.`,
        { cause: error },
      );
    }
  }

  /**
   * A read of what was altered is an attempt to decrypt that failed, also if the alteration is known already.
   * @throws ServiceError internal
   */
  requireReadable(name: string): void {
    if (!this.#trust.refuses(name)) return;
    this.#metrics.decryptionAttempted();
    this.#metrics.decryptionFailed();
    this.#trust.requireRow(name);
  }

  isOwn(stored: StoredSecret): boolean {
    try {
      this.verify(stored);
      return true;
    } catch {
      return false;
    }
  }

  /** @throws ServiceError internal */
  verify(stored: StoredSecret): void {
    this.#trust.requireRow(stored.head.name);
    if (this.#verified.has(stored)) return;
    const { head, active } = stored;
    const { rowMacKey, vaultId } = this.#keyring;
    const activeFits = (active?.version ?? 0) === head.activeVersion;
    if (!activeFits || !verifyHead(rowMacKey, vaultId, head)) throw tampered(head.name);
    if (active !== null) this.verifyVersion(active);
    this.#verified.add(stored);
  }

  /** @throws ServiceError internal */
  verifyVersion(row: SecretVersion): void {
    this.#trust.requireRow(row.name);
    if (this.#verified.has(row)) return;
    if (!verifyVersion(this.#keyring.rowMacKey, this.#keyring.vaultId, row)) throw tampered(row.name);
    this.#verified.add(row);
  }

  /** @throws ServiceError internal */
  verifySecretSummary({ head, active }: SecretSummary): void {
    const { rowMacKey, vaultId } = this.#keyring;
    const activeFits = (active?.version ?? 0) === head.activeVersion;
    if (!activeFits || !verifyHead(rowMacKey, vaultId, head)) throw tampered(head.name);
    if (active !== null) this.verifySummary(active);
  }

  /** @throws ServiceError internal */
  verifySummary(row: VersionSummary): void {
    if (!verifySummary(this.#keyring.rowMacKey, this.#keyring.vaultId, row)) throw tampered(row.name);
  }

  signToken(token: UnsignedToken): StoredToken {
    const { rowMacKey, vaultId } = this.#keyring;
    return { ...token, mac: signToken(rowMacKey, vaultId, token) };
  }

  isOwnToken(row: StoredToken): boolean {
    return verifyToken(this.#keyring.rowMacKey, this.#keyring.vaultId, row);
  }

  /** The rows of a planned change, bound to the audit position of its intent. */
  sign(planned: Planned, intentSeq: number): Change {
    const { rowMacKey, vaultId } = this.#keyring;
    const head = { ...planned.head, intentSeq };
    return {
      expectedRevision: planned.expectedRevision,
      head: { ...head, mac: signHead(rowMacKey, vaultId, head) },
      versions: planned.versions.map(row => ({ ...row, mac: signVersion(rowMacKey, vaultId, row) })),
      dropVersions: planned.dropVersions ?? false,
      dropped: planned.dropped ?? [],
    };
  }
}

function tampered(name: string): ServiceError {
  return new ServiceError(
    'internal',
    `The stored row of "${name}" was altered outside this service; restore it from a backup.`,
  );
}
