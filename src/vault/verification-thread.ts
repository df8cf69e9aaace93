/** A thread that looks at the whole vault beside the service, says what it found, and ends. */
import { constants, platform, setPriority } from 'node:os';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Inspection } from '../store/inspection.ts';
import { checkVault } from './vault-check.ts';
import type { VerificationMessage, VerificationRequest } from './verification.ts';

function report(message: VerificationMessage): void {
  parentPort?.postMessage(message);
}

async function run({ dataKeys, path, ...keys }: VerificationRequest): Promise<void> {
  const yields = isBelowOthers() ? setImmediate : pause;
  const dataKey = (kid: string) => {
    const key = dataKeys.get(kid);
    if (key === undefined) throw new Error(`unknown kid ${JSON.stringify(kid)}`);
    return key;
  };
  const inspection = new Inspection(path);
  try {
    report({
      kind: 'compared',
      comparison: await finished(inspection.compareWithSeal(keys.sealKeys), yields),
    });
    report({
      kind: 'checked',
      findings: await finished(checkVault(inspection, { ...keys, dataKey }), yields),
    });
  } finally {
    inspection.close();
  }
}

/** On Linux a thread has a priority of its own; elsewhere this would slow the whole process down. A sandbox may forbid it. */
function isBelowOthers(): boolean {
  if (platform() !== 'linux') return false;
  try {
    setPriority(0, constants.priority.PRIORITY_LOW);
    return true;
  } catch {
    return false;
  }
}

/** As long as a slice takes, about: half of one core at the most. */
async function pause(): Promise<void> {
  await setTimeout(5);
}

/** Runs to the end; between slices the thread may be told to end. */
async function finished<T>(steps: Generator<number, T>, yields: () => Promise<unknown>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await yields();
  }
}

await run(workerData as VerificationRequest);
