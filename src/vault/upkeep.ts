import type { Span } from '../../telemetry/tracing.ts';
import { Turn } from '../event-loop.ts';
import { FairQueue } from '../fair-queue.ts';
import type { DueRotation, VaultStatistics } from '../store/store.ts';
import { schedulerCaller } from './caller.ts';
import type { Changing } from './changing.ts';
import type { VaultContext } from './context.ts';
import type { Tokens } from './tokens.ts';

/** Due rotations that are read in one go, and that are looked at in all to find whose turn it is. */
const dueAtOnce = 500;
const mostDue = 100_000;
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

  /**
   * Names whose own rotation is due; none while the clock is in doubt. The namespaces of the policy take turns, each with the
   * soonest first, so that the many names of one keep no other waiting.
   */
  async dueNames(limit: number, isWanted: (name: string) => boolean): Promise<string[]> {
    const { now, isCertain } = this.#vault.moment();
    if (!isCertain) return [];
    const { namespaces } = this.#vault.policy();
    const turns = new FairQueue<string>();
    const turn = new Turn();
    let last: DueRotation | null = null;
    do {
      const page: DueRotation[] = await this.#vault.store.dueRotations(now, dueAtOnce, last);
      for (const { name } of page) if (isWanted(name)) turns.add(laneOf(namespaces.of(name), name), name);
      last = page.at(-1) ?? null;
      await turn.pause();
    } while (last !== null && turns.size < mostDue);
    return Array.from({ length: Math.min(limit, turns.size) }, () => turns.take()).filter(
      name => name !== undefined,
    );
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
   * @returns how many there were, at the most `limit`
   * @throws AggregateError of what failed
   */
  async destroyEnded(limit: number, span: Span): Promise<number> {
    const { earliest, isCertain } = this.#vault.moment();
    if (!isCertain) return 0;
    const ended = await this.#vault.store.endedGraces(earliest, limit);
    const failures: unknown[] = [];
    const caller = schedulerCaller(span);
    for (const { name, version } of ended) {
      await this.#changing.destroyEnded(caller, name, version).catch(error => failures.push(error));
    }
    await this.#vault.store.erase();
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} versions could not be destroyed`);
    return ended.length;
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

/** Where the policy hands out no part of the name space, the first segment of a name stands for one. */
function laneOf(namespace: string, name: string): string {
  return namespace === '' ? name.slice(0, name.indexOf('/') + 1) : namespace;
}
