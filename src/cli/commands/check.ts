import { loadConfig } from '../../config/load.ts';
import { acceptVault } from '../../vault/acceptance.ts';
import { type CheckReport, checkAll } from '../../vault/checking.ts';
import { auditProblemLines, auditVerdict, count, vaultProblemLines, vaultVerdict } from '../check-report.ts';

/** Milliseconds between two lines of progress. */
const progressInterval = 1000;

export interface CheckOutput {
  readonly print: (text: string) => void;
  /** For what is no result: how far the check is. */
  readonly tell: (text: string) => void;
}

/**
 * `jarvis-secretsd check`: reads and opens everything, offline or beside the running service; changes nothing.
 * @returns the exit code: 0 when all holds, 1 when not
 * @throws StartError when config, key or vault cannot be used
 */
export async function checkCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  { print, tell }: CheckOutput,
): Promise<0 | 1> {
  const { paths } = loadConfig(configFile, environment);
  const report = await checkAll({ paths, opensRows: true, onRows: progress(tell) });
  const problems = [...auditProblemLines(report), ...vaultProblemLines(report)];
  for (const line of [...report.audit.notes, ...problems]) print(`${line}\n`);
  print(`${auditVerdict(report)}\n${vaultVerdict(report)}\n`);
  const { rows = 0, rowProblems = [] } = report.findings ?? {};
  print(`${count(rows, 'row')} read and opened, ${count(rowProblems.length, 'bad row')}\n`);
  if (mayBeAccepted(report)) {
    print(
      `To go on with the vault as it is now, stop the service and run: jarvis-secretsd check --accept ${report.comparison.id}\n`,
    );
  }
  return problems.length === 0 ? 0 : 1;
}

/**
 * `jarvis-secretsd check --accept ID`: makes the vault as it is the one that counts, and says so in the audit log. Offline.
 * @param id as `check` printed it: anything changed since is not accepted
 * @throws StartError also while the service runs
 */
export async function acceptCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  id: string,
  { print }: CheckOutput,
): Promise<0> {
  const config = loadConfig(configFile, environment);
  const accepted = await acceptVault(config, id);
  print(`accepted, and recorded in the audit log as record ${accepted.seq}: ${accepted.what.join('; ')}\n`);
  return 0;
}

function mayBeAccepted({ vaultProblems, rowProblems, audit }: CheckReport): boolean {
  return vaultProblems.length > 0 || rowProblems.length > 0 || audit.problems.length > 0;
}

function progress(tell: (text: string) => void): (rows: number) => void {
  let rows = 0;
  let told = performance.now();
  return slice => {
    rows += slice;
    if (performance.now() - told < progressInterval) return;
    told = performance.now();
    tell(`${rows} rows so far\n`);
  };
}
