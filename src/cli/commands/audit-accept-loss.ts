import { noMetrics } from '../../../telemetry/instruments.ts';
import { type Acceptance, type AcceptOptions, findInterrupted, finish, prepare } from '../../audit/accept.ts';
import { type Examination, examineLosses } from '../../audit/examination.ts';
import { describeLoss, type Loss } from '../../audit/losses.ts';
import { loadConfig } from '../../config/load.ts';
import { asStartError, errorMessage, StartError } from '../../errors.ts';
import { type OpenedVault, openVault } from '../../vault/opening.ts';
import { outcomesOf } from '../../vault/recovery.ts';

const longestReason = 500;
/** What is typed to confirm. */
const confirmation = 'accept';

export interface AcceptLossArguments {
  /** The operator's words for the permanent record. */
  readonly reason: string;
  /** Without a question. */
  readonly yes: boolean;
}

/** The operator's terminal. */
export interface Dialogue {
  print(text: string): void;
  /** One line of input; null where nobody can be asked. */
  ask(question: string): Promise<string | null>;
}

/**
 * `jarvis-secretsd audit accept-loss`: continues with a damaged or incomplete audit log and records permanently what is
 * missing. Offline: it takes the vault for itself, and needs the master key.
 * @returns the exit code: 0 when the losses are recorded, 1 when nothing was accepted
 * @throws StartError also while the service runs
 */
export async function acceptLossCommand(
  configFile: string,
  environment: Readonly<Record<string, string | undefined>>,
  { reason, yes }: AcceptLossArguments,
  dialogue: Dialogue,
): Promise<0 | 1> {
  if (reason.trim() === '' || reason.length > longestReason) {
    throw new StartError(`--reason must say in 1 to ${longestReason} characters why the loss is accepted`);
  }
  const { paths } = loadConfig(configFile, environment);
  const onFatal = (error: Error) => dialogue.print(`${error.message}\n`);
  const metrics = noMetrics();
  const opened = await openVault({ paths, mayCreate: false, mayDiffer: true, onFatal, metrics });
  try {
    return await acceptLoss(optionsOf(paths.audit_path, opened), opened, { reason, yes }, dialogue);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(
      `the audit log in ${paths.audit_path} cannot be examined or continued: ${errorMessage(error)}. ` +
        'If a file cannot be read any more, move it to another folder and run this again: it counts as missing then.',
      { cause: error },
    );
  } finally {
    await opened.close().catch(error => {
      throw asStartError(error);
    });
  }
}

function optionsOf(folder: string, { keyring, store }: OpenedVault): AcceptOptions {
  return {
    folder,
    vaultId: keyring.vaultId,
    publicKey: keyring.publicKey,
    sign: data => keyring.sign(data),
    clock: Date.now,
    registry: store,
  };
}

async function acceptLoss(
  options: AcceptOptions,
  opened: OpenedVault,
  { reason, yes }: AcceptLossArguments,
  dialogue: Dialogue,
): Promise<0 | 1> {
  const interrupted = await findInterrupted(options);
  if (interrupted !== null) {
    dialogue.print('An acceptance was interrupted. It would be finished with its own reason; it accepts:\n');
    if (!(await isConfirmed(interrupted.losses, yes, dialogue))) return 1;
    await finish(options, interrupted);
    return await report(interrupted, dialogue);
  }
  const prove = (data: Uint8Array) => opened.keyring.prove(data);
  const examination = await examineLosses({ ...options, prove }, options.registry);
  if (examination.losses.length === 0) return refuse(examination, dialogue);
  dialogue.print('The audit log is damaged or incomplete. These losses would be accepted, permanently:\n');
  if (!(await isConfirmed(examination.losses, yes, dialogue))) return 1;
  const acceptance = await prepare(options, examination, reason, await outcomes(examination, opened));
  await finish(options, acceptance);
  return await report(acceptance, dialogue);
}

function refuse({ hasUnprovenEnd }: Examination, { print }: Dialogue): 1 {
  print(
    hasUnprovenEnd
      ? 'Nothing is accepted: the records at the end of the audit log that nothing proves are set aside by the next start.\n'
      : 'Nothing is accepted: the audit log is whole.\n',
  );
  return 1;
}

async function isConfirmed(
  losses: readonly Loss[],
  yes: boolean,
  { print, ask }: Dialogue,
): Promise<boolean> {
  for (const loss of losses) print(`- ${describeLoss(loss)}\n`);
  print('`audit verify` reports them from then on. Keep a copy of the audit folder as it is now.\n');
  if (yes) return true;
  const answer = await ask(`Type "${confirmation}" to accept the losses: `);
  if (answer?.trim() === confirmation) return true;
  print(
    answer === null
      ? 'Nothing is accepted: nobody can be asked here. Run this with --yes to accept.\n'
      : 'Nothing is accepted.\n',
  );
  return false;
}

/** An older vault cannot say what became of the changes that it does not hold. */
async function outcomes({ losses, openIntents }: Examination, { store }: OpenedVault) {
  const shown = await outcomesOf(openIntents, store);
  const isOlder = losses.some(({ what }) => what === 'older_vault');
  return isOlder
    ? shown.map(entry => ({ ...entry, outcome: entry.outcome === 'ok' ? 'ok' : 'unknown' }))
    : shown;
}

async function report({ losses, segment }: Acceptance, { print }: Dialogue): Promise<0> {
  const number = losses.length === 1 ? '1 loss is' : `${losses.length} losses are`;
  print(
    `${number} accepted and recorded in ${segment.file}. Start the service, then run \`audit verify\`.\n`,
  );
  return 0;
}
