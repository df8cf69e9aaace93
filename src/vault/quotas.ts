import type { Metrics } from '../../telemetry/instruments.ts';
import { ServiceError } from '../errors.ts';
import { Turn } from '../event-loop.ts';
import type { Policy } from '../policy/policy.ts';
import type { RotationRule, Store } from '../store/store.ts';
import { bytesOf, type Growth, type Planned } from './versions.ts';

/** How much may be stored; 0 is no limit. */
export interface QuotaLimits {
  /** Secrets of a namespace, deleted ones included. */
  readonly secrets: number;
  /** Versions of a secret. */
  readonly versions: number;
  /** Bytes of a namespace. */
  readonly bytes: number;
  /** Tokens of a client that are still good. */
  readonly tokens: number;
}

export type QuotaName = keyof QuotaLimits;

export const noQuotas: QuotaLimits = { secrets: 0, versions: 0, bytes: 0, tokens: 0 };

const namesAtOnce = 100;

interface Usage {
  secrets: number;
  bytes: number;
}

type QuotaStore = Pick<Store, 'destroyedVersions' | 'usage' | 'versionCount'>;

interface QuotaDependencies {
  readonly limits: QuotaLimits;
  readonly store: QuotaStore;
  readonly policy: () => Policy;
  readonly metrics: Pick<Metrics, 'quotaExceeded'>;
}

/**
 * Keeps each namespace of the policy within its quotas. Usage is counted from the store when a namespace first grows, and
 * kept in step from then on, so that it is right after a restart and nothing has to be stored for it.
 */
export class Quotas {
  readonly limits: QuotaLimits;
  readonly #store: QuotaStore;
  readonly #policy: () => Policy;
  readonly #metrics: Pick<Metrics, 'quotaExceeded'>;
  #namespaces: Policy['namespaces'] | null = null;
  #usages = new Map<string, Promise<Usage>>();
  /** Counted ones, for the gauge. */
  #known: Usage[] = [];

  constructor({ limits, store, policy, metrics }: QuotaDependencies) {
    this.limits = limits;
    this.#store = store;
    this.#policy = policy;
    this.#metrics = metrics;
  }

  /**
   * Sets room aside for all of the changes. What is returned gives it back, for a change that fails.
   * @throws ServiceError quota_exceeded, with nothing set aside
   */
  async take(planned: readonly Planned[]): Promise<() => void> {
    if (this.limits.secrets === 0 && this.limits.bytes === 0) return () => undefined;
    const taken: { usage: Usage; growth: Growth }[] = [];
    const giveBack = () => {
      for (const { usage, growth } of taken.splice(0)) add(usage, growth, -1);
    };
    for (const { head, growth } of planned) {
      if (growth.secrets === 0 && growth.bytes === 0) continue;
      const namespace = this.#policy().namespaces.of(head.name);
      const usage = await this.#usageOf(namespace);
      try {
        this.#require('secrets', namespace, usage.secrets, growth.secrets);
        this.#require('bytes', namespace, usage.bytes, growth.bytes);
      } catch (error) {
        giveBack();
        throw error;
      }
      add(usage, growth, 1);
      taken.push({ usage, growth });
    }
    return giveBack;
  }

  /**
   * The destroyed versions that one more of the name replaces. A quota destroys nothing: neither what a person supplied nor
   * what is still in its grace.
   * @throws ServiceError quota_exceeded
   */
  roomForVersion(name: string, nextVersion: number): number[] {
    const most = this.limits.versions;
    // There are no more versions than numbers that were given out.
    if (most === 0 || nextVersion <= most) return [];
    const count = this.#store.versionCount(name);
    const tooMany = count + 1 - most;
    if (tooMany <= 0) return [];
    const destroyed = this.#store.destroyedVersions(name, tooMany);
    if (destroyed.length === tooMany) return destroyed;
    return this.refuse(
      'versions',
      `"${name}" has ${count} versions that hold a value, of ${most}; wait until generated ones end their grace, purge the secret, or raise quotas.versions.`,
    );
  }

  /** @throws ServiceError bad_request for a rule that would use up the quota on versions by itself */
  checkRule(rule: RotationRule | null): void {
    const most = this.limits.versions;
    if (most === 0 || rule === null || rule.grace / rule.every + 2 <= most) return;
    throw new ServiceError(
      'bad_request',
      `rotation keeps ${Math.ceil(rule.grace / rule.every)} versions in their grace, and quotas.versions is ${most}; choose a shorter grace.`,
    );
  }

  /** @throws ServiceError quota_exceeded, counted */
  refuse(quota: QuotaName, message: string): never {
    this.#metrics.quotaExceeded(quota);
    throw new ServiceError('quota_exceeded', message);
  }

  /** The largest share of its quota that one of the namespaces uses which grew since the start: 0 to 1, and past 1. */
  get largestShares(): { secrets: number; bytes: number } {
    const shareOf = (quota: 'secrets' | 'bytes') =>
      this.limits[quota] === 0
        ? 0
        : Math.max(0, ...this.#known.map(usage => usage[quota])) / this.limits[quota];
    return { secrets: shareOf('secrets'), bytes: shareOf('bytes') };
  }

  #require(quota: 'secrets' | 'bytes', namespace: string, used: number, more: number): void {
    const limit = this.limits[quota];
    if (limit === 0 || more <= 0 || used + more <= limit) return;
    const where = namespace === '' ? 'Names outside every namespace' : `Names that begin with ${namespace}`;
    this.refuse(
      quota,
      `${where} may take ${limit} ${quota}, deleted secrets included; purge some, or raise quotas.${quota}.`,
    );
  }

  #usageOf(namespace: string): Promise<Usage> {
    const { namespaces } = this.#policy();
    if (namespaces !== this.#namespaces) {
      this.#namespaces = namespaces;
      this.#usages = new Map();
      this.#known = [];
    }
    const known = this.#usages.get(namespace);
    if (known !== undefined) return known;
    const counting = this.#count(namespace);
    this.#usages.set(namespace, counting);
    // What could not be read is counted again next time.
    counting.catch(() => this.#usages.delete(namespace));
    return counting;
  }

  async #count(namespace: string): Promise<Usage> {
    const { namespaces } = this.#policy();
    const known = this.#known;
    const usage: Usage = { secrets: 0, bytes: 0 };
    const turn = new Turn();
    for (let after = ''; ; ) {
      const page = this.#store.usage(namespace, after, namesAtOnce);
      for (const each of page) {
        if (namespaces.of(each.name) !== namespace) continue;
        usage.secrets += Number(each.exists);
        usage.bytes += bytesOf(each);
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.name;
      await turn.pause();
    }
    known.push(usage);
    return usage;
  }
}

function add(usage: Usage, { secrets, bytes }: Growth, sign: 1 | -1): void {
  usage.secrets += sign * secrets;
  usage.bytes += sign * bytes;
}
