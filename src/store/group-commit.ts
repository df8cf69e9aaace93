import type { DatabaseSync } from 'node:sqlite';
import { errorMessage } from '../errors.ts';
import type { Answer, Failure, WriteRequest } from './messages.ts';
import type { Protection } from './protection.ts';
import { integer } from './rows.ts';
import { damageOf } from './sqlite-errors.ts';
import { StoreError } from './store.ts';
import { prepareWrites } from './write-statements.ts';
import type { WriterEpoch } from './writer-epoch.ts';

/** Frames in the write-ahead log (4 KiB each) beyond which they move to the database file. */
const checkpointFrames = 2000;

const openedForReading: Failure = {
  kind: 'failure',
  failure: 'failed',
  message: 'the vault is open for reading only',
};

export interface CommittedBatch {
  readonly answers: Answer[];
  /** Duration of the transaction; null where it was rolled back. */
  readonly seconds: number | null;
}

/** Commits batches of independent requests, each batch with one fsync. */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #epoch: WriterEpoch | null;
  readonly #apply;
  readonly #readLiveCount;
  readonly #writeLiveCount;
  readonly #begin;
  readonly #commit;
  readonly #savepoint;
  readonly #release;
  readonly #logState;
  #protection: Protection | null = null;
  #onForeign: (commits: number) => void = () => {};

  /** @param epoch null where nothing is to be written: then all requests are refused */
  constructor(database: DatabaseSync, epoch: WriterEpoch | null) {
    this.#database = database;
    this.#epoch = epoch;
    this.#apply = prepareWrites(database);
    this.#readLiveCount = database.prepare('SELECT live_count FROM meta');
    this.#writeLiveCount = database.prepare('UPDATE meta SET live_count = live_count + ?');
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#savepoint = database.prepare('SAVEPOINT caller');
    this.#release = database.prepare('RELEASE caller');
    this.#logState = database.prepare('PRAGMA wal_checkpoint(NOOP)');
  }

  /**
   * From here on each commit moves the seal on.
   * @param onForeign told how many commits other processes made
   */
  protect(protection: Protection, onForeign: (commits: number) => void): void {
    this.#protection = protection;
    this.#onForeign = onForeign;
  }

  /** Looks for commits of other processes. Throws as `run` does. */
  watch(): void {
    const commits = this.#protection?.foreignCommits() ?? 0;
    if (commits > 0) this.#onForeign(commits);
  }

  get sealedCommits(): number | null {
    return this.#protection?.facts.commits ?? null;
  }

  /** The live secrets, as of the last commit. */
  get liveCount(): number {
    return integer(this.#readLiveCount.get() ?? {}, 'live_count');
  }

  /**
   * Applies all requests in one transaction, each in a savepoint: one that fails by itself fails alone, also one that meets a
   * damaged page. Returns after the fsync. Throws an error when the connection can no longer be trusted.
   */
  run(requests: readonly WriteRequest[]): CommittedBatch {
    if (this.#epoch === null) return { answers: requests.map(() => openedForReading), seconds: null };
    const start = performance.now();
    try {
      const answers = this.#transaction(requests, this.#epoch);
      return { answers, seconds: (performance.now() - start) / 1000 };
    } catch (error) {
      const refusal = refusalOf(error);
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#protection?.rolledBack();
      if (damageOf(error) === 'unreadable' && requests.length > 1) return this.#runEach(requests);
      return { answers: requests.map(() => refusal), seconds: null };
    }
  }

  #runEach(requests: readonly WriteRequest[]): CommittedBatch {
    const batches = requests.map(request => this.run([request]));
    const times = batches.map(({ seconds }) => seconds).filter(seconds => seconds !== null);
    return {
      answers: batches.flatMap(({ answers }) => answers),
      seconds: times.length === 0 ? null : times.reduce((sum, seconds) => sum + seconds, 0),
    };
  }

  /** Moves the log into the database file when it has grown long. Throws as `run` does. */
  checkpoint(): void {
    const state = this.#logState.get() ?? {};
    if (integer(state, 'log') - integer(state, 'checkpointed') < checkpointFrames) return;
    try {
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      // Where the database cannot grow or be read, all stays in the log, to be moved another time.
      if (damageOf(error) === 'fatal') throw error;
    }
  }

  #transaction(requests: readonly WriteRequest[], epoch: WriterEpoch): Answer[] {
    this.#begin.run();
    // Nobody else can commit now: what others have put into the file so far is seen before our statements run.
    this.watch();
    epoch.hold();
    let difference = 0;
    const answers = requests.map((request): Answer => {
      this.#savepoint.run();
      const mark = this.#protection?.mark();
      try {
        if (request.kind === 'announceSeal') this.#protection?.announce();
        else difference += this.#apply(request);
      } catch (error) {
        if (damageOf(error) !== 'caller') throw error;
        this.#database.exec('ROLLBACK TO caller; RELEASE caller');
        if (mark !== undefined) this.#protection?.rewind(mark);
        return failureOf(error);
      }
      this.#release.run();
      return { kind: 'done' };
    });
    if (difference !== 0) this.#writeLiveCount.run(difference);
    if (this.#protection?.isChanged === true) this.#protection.seal();
    this.#commit.run();
    epoch.confirm();
    this.#protection?.committed();
    return answers;
  }
}

/** A request that failed by itself. */
export function failureOf(error: unknown): Failure {
  const failure = error instanceof StoreError ? error.failure : 'failed';
  return { kind: 'failure', failure, message: errorMessage(error) };
}

/** Why a whole batch is refused; throws the error itself when it is no clean refusal. */
export function refusalOf(error: unknown): Failure {
  switch (damageOf(error)) {
    case 'full':
      return { kind: 'failure', failure: 'full', message: 'the disk is full (ENOSPC)' };
    case 'busy':
      return { kind: 'failure', failure: 'failed', message: 'another process is writing to the vault' };
    case 'unwritable':
      return {
        kind: 'failure',
        failure: 'failed',
        message: `the vault cannot be written: ${errorMessage(error)}`,
      };
    case 'unreadable':
      return { kind: 'failure', failure: 'failed', message: `the vault is damaged: ${errorMessage(error)}` };
    default:
      throw error;
  }
}
