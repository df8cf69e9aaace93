import type { Span } from '../../telemetry/tracing.ts';
import type { VaultStatistics } from '../store/store.ts';
import { schedulerCaller } from './caller.ts';
import type { Changing } from './changing.ts';
import type { VaultContext } from './context.ts';
import type { Tokens } from './tokens.ts';

/** While a token is in use, its row is written this often, in milliseconds. */
const tokenUseInterval = 60_000;

/** What the clock asks of the vault: rotations that secrets carry, graces that end, figures that take a scan, notes. */
export class Upkeep {
  readonly #vault: VaultContext;
  readonly #changing: Changing;
  readonly #tokens: Tokens;
  #statistics: VaultStatistics = { overdueRotations: 0, oldestVersionAt: null };

  constructor(vault: VaultContext, changing: Changing, tokens: Tokens) {
    this.#vault = vault;
    this.#changing = changing;
    this.#tokens = tokens;
  }

  /** Names whose own rotation is due, soonest first; none while the clock is in doubt. */
  async dueNames(limit: number): Promise<string[]> {
    const { now, isCertain } = this.#vault.moment();
    return isCertain ? await this.#vault.store.dueRotations(now, limit) : [];
  }

  /** Does nothing where another rotation came first, or the clock has come into doubt. */
  async rotateDue(name: string, span: Span): Promise<void> {
    await this.#changing.rotateAuthorised(schedulerCaller(span), [name], null, ({ head }) => {
      const { now, isCertain } = this.#vault.moment();
      return isCertain && head.rotation !== null && (head.expiresAt ?? Infinity) <= now;
    });
  }

  /**
   * Destroys generated versions whose grace is over, and nothing while the clock is in doubt; one that fails does not hold
   * up the others.
   * @throws AggregateError of what failed
   */
  async destroyEnded(limit: number, span: Span): Promise<void> {
    const { earliest, isCertain } = this.#vault.moment();
    if (!isCertain) return;
    const ended = await this.#vault.store.endedGraces(earliest, limit);
    const failures: unknown[] = [];
    const caller = schedulerCaller(span);
    for (const { name, version } of ended) {
      await this.#changing.destroyEnded(caller, name, version).catch(error => failures.push(error));
    }
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} versions could not be destroyed`);
  }

  /** When tokens were last used, off the request path; a crash loses the last minute or so of it. */
  async recordTokenUses(): Promise<void> {
    await this.#tokens.recordUses(tokenUseInterval);
  }

  /** For the end of the service: what is not written yet. */
  async recordLastTokenUses(): Promise<void> {
    await this.#tokens.recordUses(0);
  }

  async refreshStatistics(): Promise<void> {
    this.#statistics = await this.#vault.store.statistics(this.#vault.now());
  }

  /** As of the last refresh. */
  get statistics(): VaultStatistics {
    return this.#statistics;
  }
}
