import type { Metrics } from '../../telemetry/instruments.ts';
import type { AuditTrail } from '../audit/record.ts';
import { certain, type Moment } from '../clock/trusted-clock.ts';
import { ServiceError } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { Store, StoredSecret } from '../store/store.ts';
import type { Caller } from './caller.ts';
import { asServiceError, Committer, type ErrorLog } from './committer.ts';
import { Cursors } from './cursors.ts';
import { type DiskReserve, DiskShares } from './disk-shares.ts';
import { Journal, type Subject } from './journal.ts';
import type { Keyring } from './keyring.ts';
import { noQuotas, type QuotaLimits, Quotas } from './quotas.ts';
import { Rows } from './rows.ts';
import type { Trust } from './trust.ts';
import type { GenerationOrder } from './types.ts';
import type { DefaultPeriods } from './versions.ts';

/** Makes a value from a generator spec that was validated at the edge; null asks for the default generator. */
export type Generate = (generator: unknown, order: GenerationOrder) => Promise<string>;

export interface VaultDependencies {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly audit: AuditTrail;
  /** The policy in force now; a reload changes it. */
  readonly policy: () => Policy;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How sure `now` is; without it, `now` is never in doubt. */
  readonly moment?: () => Moment;
  readonly defaults: DefaultPeriods;
  readonly generate: Generate;
  readonly log: ErrorLog;
  /** None unless given. */
  readonly quotas?: QuotaLimits;
  /** None unless given. */
  readonly diskReserve?: DiskReserve;
  /** Where a bootstrap token is put for whoever runs the service. */
  readonly bootstrapTokenPath: string;
  /** Whether the vault ever had a token. */
  readonly hadToken: boolean;
  /** What is refused since the vault was found altered. */
  readonly trust: Trust;
}

const noReserve: DiskReserve = { freeBytes: () => null, bytes: 0 };

/** What every operation of the vault shares. Only src/vault/ sees it: there is no way around the door. */
export class VaultContext {
  readonly store: Store;
  readonly rows: Rows;
  readonly cursors: Cursors;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly policy: () => Policy;
  readonly metrics: Metrics;
  readonly now: () => number;
  readonly moment: () => Moment;
  readonly defaults: DefaultPeriods;
  readonly generate: Generate;
  readonly quotas: Quotas;
  readonly shares: DiskShares;
  readonly trust: Trust;

  constructor(dependencies: VaultDependencies) {
    const { store, keyring, audit, policy, metrics, log } = dependencies;
    this.store = store;
    this.cursors = new Cursors(keyring);
    this.shares = new DiskShares(dependencies.diskReserve ?? noReserve, metrics);
    this.journal = new Journal(audit, policy, metrics, this.shares);
    this.trust = dependencies.trust;
    this.rows = new Rows(keyring, metrics, this.trust);
    this.committer = new Committer(store, this.journal, this.rows, dependencies.now, log, this.trust);
    this.policy = policy;
    this.metrics = metrics;
    this.now = dependencies.now;
    this.moment = dependencies.moment ?? (() => certain(dependencies.now()));
    this.defaults = dependencies.defaults;
    this.generate = dependencies.generate;
    this.quotas = new Quotas({ limits: dependencies.quotas ?? noQuotas, store, policy, metrics });
  }

  /** Reads the store; its failures become ServiceErrors. */
  stored<T>(read: (store: Store) => T): T {
    try {
      return read(this.store);
    } catch (error) {
      throw asServiceError(error);
    }
  }

  /**
   * The row of a name, proved to be one the vault wrote.
   * @param toPurge whether a damaged row will do: a purge is what gets rid of it
   */
  load(name: string, toPurge = false): StoredSecret | null {
    this.trust.requireRow(name);
    const secret = this.stored(store => store.get(name));
    if (secret === null) return null;
    if (toPurge && !this.rows.isOwn(secret)) return this.#withUnusedNumber(secret);
    this.rows.verify(secret);
    return secret;
  }

  /** A damaged head may say that numbers are free which versions have. */
  #withUnusedNumber({ head, active }: StoredSecret): StoredSecret {
    const last = this.stored(store => store.versions(head.name, 0, Number.MAX_SAFE_INTEGER)).at(-1);
    const taken = last === undefined ? 0 : 'damaged' in last ? last.damaged : last.version;
    const nextVersion = Math.max(head.nextVersion, taken + 1);
    return { head: { ...head, nextVersion }, active };
  }

  /** Something allowed that then fails is one record too, with the error's code as its outcome. */
  async recordingFailure<T>(
    caller: Caller,
    subjects: readonly Subject[],
    work: () => T | Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure = error instanceof ServiceError ? error : asServiceError(error);
      if (failure.code !== 'unavailable') {
        await this.journal.noteFailure(caller, subjects, failure.code);
      }
      throw failure;
    }
  }
}
