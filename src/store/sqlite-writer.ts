/** The thread that owns the writing connection: commits what it is sent, a batch at a time, and reports. */

import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '../errors.ts';
import { isTemporary } from '../temporary.ts';
import { openForWriting } from './database.ts';
import { Erasure } from './erasure.ts';
import { failureOf, GroupCommit, refusalOf } from './group-commit.ts';
import {
  type Answer,
  type BatchReport,
  isWrite,
  type WriterMessage,
  type WriterOptions,
  type WriterReport,
  type WriterRequest,
} from './messages.ts';
import { Protection } from './protection.ts';
import type { SealStart } from './seal-facts.ts';
import type { SealKeys } from './sealing.ts';
import { damageOf } from './sqlite-errors.ts';
import { prepareStatistics } from './statistics.ts';
import { differencesAtStart, readSeal, sealAsIs } from './vault-seal.ts';
import { WriterEpoch } from './writer-epoch.ts';

/** Milliseconds between two looks for commits of other processes while there is nothing to write. */
const watchInterval = 1000;

function report(message: WriterReport): void {
  parentPort?.postMessage(message);
}

function start(options: WriterOptions): void {
  try {
    const database = openForWriting(options.path, options);
    serve(database, options.path, options.write ? new WriterEpoch(database) : null);
  } catch (error) {
    report({ kind: 'refused', message: errorMessage(error), isTemporary: isTemporary(error) });
    parentPort?.close();
  }
}

/** A page that cannot be read fails what asks for it, and not the writer. */
function read(question: () => Answer): Answer {
  try {
    return question();
  } catch (error) {
    if (damageOf(error) === 'fatal') throw error;
    return failureOf(error);
  }
}

/** What a full disk refuses is a refusal here, too. */
function written(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    return damageOf(error) === 'caller' ? failureOf(error) : refusalOf(error);
  }
}

function serve(database: DatabaseSync, path: string, epoch: WriterEpoch | null): void {
  const group = new GroupCommit(database, epoch);
  const statistics = prepareStatistics(database);
  const erasure = new Erasure(database);
  let protection: Protection | null = null;
  let watching: NodeJS.Timeout | undefined;

  function protect({ keys, seal }: Extract<WriterRequest, { kind: 'protect' }>): Answer {
    const found = foundSeal(database, keys, seal);
    if (found.kind !== 'sealed') return { kind: 'protect', found };
    const { bytes, differences, seal: current } = found;
    protection = new Protection(database, path, keys, current, bytes);
    group.protect(protection, commits => report({ kind: 'foreign', commits }));
    watching = setInterval(() => orFatal(() => group.watch()), watchInterval);
    // Takes the epoch, under the seal.
    if (differences.length === 0) group.run([]);
    const { rows: _rows, ...facts } = current;
    return { kind: 'protect', found: { kind: 'sealed', facts, differences } };
  }

  function runBatch(requests: readonly WriterRequest[]): BatchReport {
    const writes = requests.filter(isWrite);
    const committed = writes.length === 0 ? { answers: [], seconds: null } : group.run(writes);
    if (committed.seconds !== null) erasure.committed(writes);
    const done = committed.answers.values();
    const answers = requests.map((request): Answer => {
      if (request.kind === 'statistics') return read(() => statistics(request.now));
      if (request.kind === 'protect') return written(() => protect(request));
      if (request.kind === 'erase') return { kind: 'erase', isDone: erasure.run() };
      return done.next().value ?? { kind: 'done' };
    });
    const { liveCount, sealedCommits } = group;
    return { kind: 'batch', answers, seconds: committed.seconds, liveCount, sealedCommits };
  }

  function close(): void {
    clearInterval(watching);
    database.close();
    protection?.close();
    parentPort?.close();
  }

  function orFatal(work: () => void): void {
    try {
      work();
    } catch (error) {
      report({ kind: 'fatal', message: errorMessage(error) });
      clearInterval(watching);
      parentPort?.close();
    }
  }

  parentPort?.on('message', (message: WriterMessage) =>
    orFatal(() => {
      if (message === 'close') {
        close();
        return;
      }
      report(runBatch(message));
      group.checkpoint();
    }),
  );
  report({ kind: 'opened', liveCount: group.liveCount, writerEpoch: epoch?.number ?? null });
}

/** The seal of the vault, made now where `start` says how. */
function foundSeal(database: DatabaseSync, keys: SealKeys, start: SealStart | null) {
  if (start !== null) {
    return { kind: 'sealed', ...sealAsIs(database, keys, start), differences: [] } as const;
  }
  const found = readSeal(database, keys);
  if (found.kind !== 'sealed') return found;
  return { ...found, differences: differencesAtStart(database, keys, found.seal) };
}

start(workerData as WriterOptions);
