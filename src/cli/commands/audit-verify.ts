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
      facts: await readFacts(store),
    });
    for (const { file, line, reason } of report.problems) print(`${file}:${line}: ${reason}\n`);
    const verdict = report.problems.length === 0 ? 'the audit log is whole' : 'THE AUDIT LOG DOES NOT HOLD';
    print(
      `${verdict}: ${report.records} records, ${report.segments} segments, ${report.checkpoints} signed checkpoints, key ${keyring.fingerprint}\n`,
    );
    return report.problems.length === 0 ? 0 : 1;
  } finally {
    await store.close();
  }
}
