import { readFacts } from '../../audit/registry.ts';
import { verifyAudit } from '../../audit/verify.ts';
import { loadConfig } from '../../config/load.ts';
import { openForVerification } from '../../vault/opening.ts';

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
  const config = loadConfig(configFile, environment);
  const { store, keyring } = await openForVerification(config.paths);
  try {
    const report = await verifyAudit({
      folder: config.paths.audit_path,
      vaultId: keyring.vaultId,
      publicKey: keyring.publicKey,
      prove: data => keyring.prove(data),
      facts: () => readFacts(store),
    });
    for (const note of report.notes) print(`${note}\n`);
    for (const { file, line, reason } of report.problems) print(`${file}:${line}: ${reason}\n`);
    const problems = report.problems.length;
    const losses =
      report.acceptedLosses === 0 ? '' : ` but for ${count(report.acceptedLosses, 'accepted loss')}`;
    const verdict =
      problems === 0
        ? `the audit log is whole${losses}`
        : `the audit log is damaged or incomplete: ${count(problems, 'problem')}`;
    print(
      `${verdict}: ${count(report.records, 'record')}, ${count(report.segments, 'segment')}, ` +
        `${count(report.checkpoints, 'signed checkpoint')}, key ${keyring.fingerprint}\n`,
    );
    return problems === 0 ? 0 : 1;
  } finally {
    await store.close();
  }
}

function count(number: number, what: string): string {
  const plural = what.endsWith('s') ? 'es' : 's';
  return `${number} ${what}${number === 1 ? '' : plural}`;
}
