import type { DatabaseSync } from 'node:sqlite';
import type { Answer } from './messages.ts';
import { integer, integerOrNull } from './rows.ts';
import { liveCondition } from './schema.ts';

/** Prepares the statistics of the vault: a range of one index and the first entry of another. */
export function prepareStatistics(database: DatabaseSync): (now: number) => Answer {
  const overdue = database.prepare(
    `SELECT count(*) AS overdue FROM heads WHERE expires_at <= ? AND ${liveCondition}`,
  );
  const oldest = database.prepare(
    `SELECT min(active_created_at) AS oldest FROM heads WHERE ${liveCondition}`,
  );
  return now => ({
    kind: 'statistics',
    statistics: {
      overdueRotations: integer(overdue.get(now) ?? {}, 'overdue'),
      oldestVersionAt: integerOrNull(oldest.get() ?? {}, 'oldest'),
    },
  });
}
