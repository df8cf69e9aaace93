import { errorMessage } from '../errors.ts';
import type { Inspection, SealComparison } from '../store/inspection.ts';
import { type CheckKeys, checkRows, type RowProblem } from './row-check.ts';

/** What a look at every row of the vault found. */
export interface VaultFindings {
  /** Rows as of the comparison with the seal. */
  readonly rows: number;
  /** The first thousand. */
  readonly rowProblems: readonly RowProblem[];
  /** What SQLite says of tables, indexes and pages, and counts that disagree. */
  readonly storeProblems: readonly string[];
  /** Groups of the rows that an index lacks: reads would miss them. */
  readonly groups: readonly number[];
}

const mostProblems = 1000;

/** Verifies and opens every row and has SQLite check its indexes; yields the rows of each slice. */
export function* checkVault(inspection: Inspection, keys: CheckKeys): Generator<number, VaultFindings> {
  const rowProblems: RowProblem[] = [];
  let rows = 0;
  for (const slice of checkRows(inspection, keys, problem => rowProblems.push(problem))) {
    rows += slice;
    yield slice;
    if (rowProblems.length >= mostProblems) break;
  }
  const integrity = inspection.integrityProblems();
  return {
    rows,
    rowProblems: rowProblems.slice(0, mostProblems),
    storeProblems: [...integrity, ...countProblems(inspection)],
    groups: inspection.groupsMissing(integrity),
  };
}

function countProblems(inspection: Inspection): string[] {
  try {
    const counts = inspection.atOneMoment(() => inspection.liveCounts());
    if (new Set(Object.values(counts)).size === 1) return [];
    const list = Object.entries(counts).map(([source, count]) => `${count} by ${source}`);
    return [`the numbers of live secrets disagree: ${list.join(', ')}`];
  } catch (error) {
    return [errorMessage(error)];
  }
}

/** In words: how the rows differ from the seal; empty where they do not. */
export function sealProblems({ found, schema, tables }: SealComparison): string[] {
  if (found === 'none') return ['the vault has no seal'];
  if (found === 'unreadable')
    return ['the seal of the vault does not open: it was altered, or is of another vault'];
  return [
    ...schema.map(difference => `schema: ${difference}`),
    ...tables.map(({ name, more }) => `${name}: ${inWords(more)}`),
  ];
}

function inWords(more: number): string {
  if (more === 0) return 'rows were replaced by others than this service wrote last';
  const number = Math.abs(more) === 1 ? '1 row was' : `${Math.abs(more)} rows were`;
  return `${number} ${more > 0 ? 'added' : 'removed'} outside this service`;
}
