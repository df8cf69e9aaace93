import type { ChildProcess } from 'node:child_process';

/** Milliseconds. */
const deadline = 20_000;

/**
 * Resolves once a process has printed `sign`; what it prints later is thrown away.
 * @throws Error with what it printed, when it ends first or does not print it in time
 */
export async function printed(child: ChildProcess, path: string, sign: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let output = '';
  const onData = (chunk: Buffer) => {
    output += chunk;
    if (output.includes(sign)) resolve();
  };
  const fail = (reason: string) => reject(new Error(`${path} ${reason}\n${output}`));
  const onClose = () => fail('ended before it was ready:');
  const timer = setTimeout(fail, deadline, `did not print "${sign}" in time:`);
  child.on('error', reject).on('close', onClose);
  const streams = [child.stdout, child.stderr];
  for (const stream of streams) stream?.on('data', onData);
  try {
    await promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
    child.off('close', onClose);
    for (const stream of streams) stream?.off('data', onData).resume();
  }
}
