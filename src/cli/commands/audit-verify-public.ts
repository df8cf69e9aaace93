import { readPublicKey, vaultIdOf } from '../../audit/public-key.ts';
import { keyFingerprint } from '../../audit/structure.ts';
import { verifyAudit } from '../../audit/verify.ts';
import { count } from '../check-report.ts';

/**
 * `jarvis-secretsd audit verify --public-key FILE FOLDER`: chain and signatures of a folder of segments, on any machine. It
 * cannot see a cut end, and records after the last signature it cannot prove.
 * @returns the exit code: 0 when all that can be checked holds, 1 when not
 * @throws StartError when key or folder cannot be used
 */
export async function verifyWithPublicKey(
  keyFile: string,
  folder: string,
  print: (text: string) => void,
): Promise<0 | 1> {
  const publicKey = readPublicKey(keyFile);
  const vaultId = await vaultIdOf(folder);
  const report = await verifyAudit({ folder, vaultId, publicKey, prove: null, facts: null });
  for (const note of report.notes) print(`${note}\n`);
  for (const { file, line, reason } of report.problems) print(`${file}:${line}: ${reason}\n`);
  const problems = report.problems.length;
  const verdict =
    problems === 0 ? 'the signed audit log holds' : `the audit log is damaged: ${count(problems, 'problem')}`;
  print(
    `${verdict}: ${count(report.records, 'record')}, ${count(report.segments, 'segment')}, ` +
      `${count(report.checkpoints, 'signed checkpoint')}, ${count(report.unsigned, 'line')} after the last one, ` +
      `vault ${vaultId}, key ${keyFingerprint(publicKey)}\n`,
  );
  return problems === 0 ? 0 : 1;
}
