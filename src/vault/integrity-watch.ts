import { errorMessage, ServiceError } from '../errors.ts';
import type { SealComparison } from '../store/inspection.ts';
import type { Store } from '../store/store.ts';
import type { Keyring } from './keyring.ts';
import type { Trust } from './trust.ts';
import { sealProblems, type VaultFindings } from './vault-check.ts';
import { Verification, type VerificationMessage } from './verification.ts';

/** Milliseconds. The first look comes right after the start, when the service answers already. */
const firstLookDelay = 300;
const lookInterval = 3_600_000;
/** Milliseconds between the end of a look and one that another process's write asks for. */
const leastPause = 1000;
/** Milliseconds that a stop waits for a look to let go of the vault. */
const stopPatience = 1000;

/** Tables that belong to a secret or token by row; the others hold the vault together. */
const tablesByEntity: ReadonlySet<string> = new Set(['heads', 'versions', 'tokens']);

export interface IntegrityLog {
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface IntegrityOptions {
  readonly path: string;
  readonly store: Store;
  readonly keyring: Keyring;
  readonly trust: Trust;
  readonly log: IntegrityLog;
  readonly metrics: { foreignCommits(count: number): void };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const whatToDo = 'run `jarvis-secretsd check`, and see docs/RUNBOOK.md, JarvisSecretsdVaultAltered';

/** Looks at the whole vault after the start, every hour, and when another process has written to it; refuses what was altered. */
export class IntegrityWatch {
  readonly #options: IntegrityOptions;
  #timer: NodeJS.Timeout | undefined;
  #verification: Verification | null = null;
  #lookAgain = false;
  #stopped = false;
  #problems = 0;
  #lastSuccess: number | null = null;
  /** What the vault had when the look began. */
  #leastCommits = 0;

  constructor(options: IntegrityOptions) {
    this.#options = options;
    options.store.onForeignCommits = count => this.#foreignCommits(count);
  }

  start(): void {
    this.#lookIn(firstLookDelay);
  }

  /** How many problems the last look found. */
  get problems(): number {
    return this.#problems;
  }

  /** When a look last found all in order, in milliseconds since the epoch; null before the first. */
  get lastSuccess(): number | null {
    return this.#lastSuccess;
  }

  /** For readiness. @throws ServiceError while everything is refused */
  requireAnything(): void {
    if (this.#options.trust.refusesEverything)
      throw new ServiceError('unavailable', `Everything is refused: ${whatToDo}`);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const patience = new Promise(resolve => setTimeout(resolve, stopPatience).unref());
    await Promise.race([this.#verification?.stop(), patience]);
  }

  #foreignCommits(count: number): void {
    const { log, metrics } = this.#options;
    metrics.foreignCommits(count);
    log.error(
      { commits: count },
      `another process has written to the vault while the service runs: ${whatToDo}`,
    );
    if (this.#verification === null) this.#lookIn(leastPause);
    else this.#lookAgain = true;
  }

  #lookIn(delay: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delay).unref();
  }

  async #look(): Promise<void> {
    const { keyring, log, now, path } = this.#options;
    const { dataKeys, rowMacKey, sealKeys, vaultId } = keyring;
    const found: number[] = [];
    this.#lookAgain = false;
    this.#leastCommits = this.#options.store.sealedCommits() ?? 0;
    try {
      this.#verification = new Verification({ path, dataKeys, rowMacKey, sealKeys, vaultId }, message => {
        found.push(this.#take(message));
      });
      await this.#verification.done;
      // A look that was stopped says less.
      if (found.length === 2) {
        this.#problems = found.reduce((sum, problems) => sum + problems, 0);
        if (this.#problems === 0) this.#lastSuccess = now();
      }
    } catch (error) {
      if (!this.#stopped)
        log.warn(
          { reason: errorMessage(error) },
          'the vault could not be verified; the next try is in an hour',
        );
    } finally {
      this.#verification = null;
      this.#lookIn(this.#lookAgain ? leastPause : lookInterval);
    }
  }

  /** Refuses what the message shows to be altered, and says so; returns how many problems there are. */
  #take(message: VerificationMessage): number {
    return message.kind === 'compared' ? this.#compared(message.comparison) : this.#checked(message.findings);
  }

  #compared(comparison: SealComparison): number {
    const { log, trust } = this.#options;
    const { groups, schema, seal, tables } = comparison;
    const isOlder = seal === null || seal.commits < this.#leastCommits;
    const problems = sealProblems(comparison);
    if (isOlder && problems.length === 0) problems.push('the vault was put back to an older state');
    if (problems.length === 0) return 0;
    const whole = tables.filter(({ name }) => !tablesByEntity.has(name));
    const byEntity = tables.length - whole.length;
    trust.distrust({
      everything: isOlder || (byEntity > 0 && groups.length === 0),
      changes: schema.length > 0 || whole.length > 0,
      groups,
    });
    this.#problems = problems.length;
    log.error(
      { problems, groups: groups.length },
      `the vault was altered outside this service, and what is affected is refused: ${whatToDo}`,
    );
    return problems.length;
  }

  /** Rows that do not verify refuse themselves; names stay out of the log. */
  #checked({ groups, rowProblems, storeProblems }: VaultFindings): number {
    this.#options.trust.distrust({ everything: false, changes: false, groups });
    const count = rowProblems.length + storeProblems.length;
    if (count === 0) return 0;
    this.#options.log.error(
      { rows: rowProblems.length, store: storeProblems.slice(0, 10) },
      `the vault is damaged: ${whatToDo}`,
    );
    return count;
  }
}
