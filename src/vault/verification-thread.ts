/** A thread that looks at the whole vault beside the service, says what it found, and ends. */
import { constants, platform, setPriority } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Inspection } from '../store/inspection.ts';
import { checkVault } from './vault-check.ts';
import type { VerificationMessage, VerificationRequest } from './verification.ts';

function report(message: VerificationMessage): void {
  parentPort?.postMessage(message);
}

async function run({ dataKeys, path, ...keys }: VerificationRequest): Promise<void> {
  // On Linux a thread has a priority of its own; elsewhere this would slow the whole process down.
  if (platform() === 'linux') setPriority(0, constants.priority.PRIORITY_LOW);
  const dataKey = (kid: string) => {
    const key = dataKeys.get(kid);
    if (key === undefined) throw new Error(`unknown kid ${JSON.stringify(kid)}`);
    return key;
  };
  const inspection = new Inspection(path);
  try {
    report({ kind: 'compared', comparison: await finished(inspection.compareWithSeal(keys.sealKeys)) });
    report({ kind: 'checked', findings: await finished(checkVault(inspection, { ...keys, dataKey })) });
  } finally {
    inspection.close();
  }
}

/** Runs to the end; between slices the thread may be told to end. */
async function finished<T>(steps: Generator<number, T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}

await run(workerData as VerificationRequest);
