import type { CheckReport } from '../vault/checking.ts';

const mostSuspects = 20;

/** The lines of a report that name problems of the vault; none where it is as the service left it. */
export function vaultProblemLines(report: CheckReport): string[] {
  const { findings, rowProblems, suspects, vaultProblems } = report;
  return [
    ...vaultProblems.map(problem => `vault: ${problem}`),
    ...rowProblems.map(
      ({ entity, reason, table }) => `vault: ${table}: ${JSON.stringify(entity)}: ${reason}`,
    ),
    ...(findings?.storeProblems ?? []).map(problem => `vault: ${problem}`),
    ...suspectLines(suspects),
  ];
}

/** Rows that came back or went away have no row to point at: the group that they were in is all that is known. */
function suspectLines(suspects: CheckReport['suspects']): string[] {
  if (suspects.length === 0) return [];
  const shown = suspects
    .slice(0, mostSuspects)
    .map(({ entity, table }) => `${table} ${JSON.stringify(entity)}`);
  const more = suspects.length > mostSuspects ? `, and ${suspects.length - mostSuspects} more` : '';
  return [`vault: altered rows belong to some of: ${shown.join(', ')}${more}`];
}

export function auditProblemLines({ audit }: CheckReport): string[] {
  return audit.problems.map(({ file, line, reason }) => `${file}:${line}: ${reason}`);
}

export function auditVerdict({ audit, fingerprint }: CheckReport): string {
  const { acceptedLosses, checkpoints, problems, records, segments } = audit;
  const losses = acceptedLosses === 0 ? '' : ` but for ${count(acceptedLosses, 'accepted loss')}`;
  const verdict =
    problems.length === 0
      ? `the audit log is whole${losses}`
      : `the audit log is damaged or incomplete: ${count(problems.length, 'problem')}`;
  return `${verdict}: ${count(records, 'record')}, ${count(segments, 'segment')}, ${count(checkpoints, 'signed checkpoint')}, key ${fingerprint}`;
}

export function vaultVerdict(report: CheckReport): string {
  const { comparison } = report;
  const problems = vaultProblemLines(report).length;
  const rows = `${count(comparison.rows, 'row')} of secrets and tokens`;
  if (problems > 0) return `the vault is not as this service left it: ${count(problems, 'problem')}, ${rows}`;
  if (comparison.found === 'none')
    return `the vault has no seal yet, which the next start of the service makes: ${rows}`;
  return `the vault is as this service left it: ${rows}`;
}

export function count(number: number, what: string): string {
  const plural = what.endsWith('s') ? 'es' : 's';
  return `${number} ${what}${number === 1 ? '' : plural}`;
}
