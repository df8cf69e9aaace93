import { loadConfig } from '../../config/load.ts';
import { checkAll } from '../../vault/checking.ts';
import { auditProblemLines, auditVerdict, vaultProblemLines, vaultVerdict } from '../check-report.ts';

/**
 * `jarvis-secretsd audit verify`: offline or beside the running service; changes nothing.
 * @returns the exit code: 0 when all holds, 1 when not
 * @throws StartError when config, key or vault cannot be used
 */
export async function verifyAuditCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  print: (text: string) => void,
): Promise<0 | 1> {
  const { paths } = loadConfig(configFile, environment);
  const report = await checkAll({ paths, opensRows: false, onRows: () => {} });
  const problems = [...auditProblemLines(report), ...vaultProblemLines(report)];
  for (const line of [...report.audit.notes, ...problems]) print(`${line}\n`);
  print(`${auditVerdict(report)}\n${vaultVerdict(report)}\n`);
  return problems.length === 0 ? 0 : 1;
}
