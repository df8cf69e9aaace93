/** The thread that owns the writing connection: commits what it is sent, a batch at a time, and reports. */
import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '../errors.ts';
import { isTemporary } from '../temporary.ts';
import { openForWriting } from './database.ts';
import { failureOf, GroupCommit } from './group-commit.ts';
import {
  type Answer,
  type BatchReport,
  isWrite,
  type WriterMessage,
  type WriterOptions,
  type WriterReport,
  type WriterRequest,
} from './messages.ts';
import { integer } from './rows.ts';
import { damageOf } from './sqlite-errors.ts';
import { prepareStatistics } from './statistics.ts';
import { WriterEpoch } from './writer-epoch.ts';

function report(message: WriterReport): void {
  parentPort?.postMessage(message);
}

function start(options: WriterOptions): void {
  try {
    const database = openForWriting(options.path, options);
    serve(database, options.write ? new WriterEpoch(database) : null);
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

function serve(database: DatabaseSync, epoch: WriterEpoch | null): void {
  const group = new GroupCommit(database, epoch);
  const statistics = prepareStatistics(database);
  const dataVersion = database.prepare('PRAGMA data_version');

  function runBatch(requests: readonly WriterRequest[]): BatchReport {
    const writes = requests.filter(isWrite);
    const committed = writes.length === 0 ? { answers: [], seconds: null } : group.run(writes);
    const written = committed.answers.values();
    const answers = requests.map((request): Answer => {
      if (request.kind === 'statistics') return read(() => statistics(request.now));
      if (request.kind === 'look') return { kind: 'done' };
      return written.next().value ?? { kind: 'done' };
    });
    return { kind: 'batch', answers, seconds: committed.seconds, ...state() };
  }

  function state() {
    return {
      liveCount: group.liveCount,
      dataVersion: integer(dataVersion.get() ?? {}, 'data_version'),
    };
  }

  parentPort?.on('message', (message: WriterMessage) => {
    try {
      if (message === 'close') {
        database.close();
        parentPort?.close();
        return;
      }
      report(runBatch(message));
      group.checkpoint();
    } catch (error) {
      report({ kind: 'fatal', message: errorMessage(error) });
      parentPort?.close();
    }
  });
  // Takes the epoch now. On a full disk the first commit takes it.
  if (epoch !== null) group.run([]);
  report({ kind: 'opened', ...state(), writerEpoch: epoch?.number ?? null });
}

start(workerData as WriterOptions);
