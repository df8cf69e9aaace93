import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Session } from 'node:inspector/promises';
import process from 'node:process';

/** One function as it was called from one place, of https://chromedevtools.github.io/devtools-protocol/v8/Profiler. */
export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

export interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of nodes, and the microseconds that each sample stands for. */
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

/** Lets the process that started this one have a profile of its main thread: `start`, then `stop`. */
export function offerProfile(): void {
  const session = new Session();
  session.connect();
  process.on('message', async message => {
    if (message === 'start') {
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: 250 });
      await session.post('Profiler.start');
      process.send?.('started');
    } else if (message === 'stop') {
      process.send?.((await session.post('Profiler.stop')).profile);
    }
  });
}

/** What such a process does while `work` runs, and what that comes to. */
export async function profileOf<T>(
  child: ChildProcess,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly profile: Profile }> {
  child.send('start');
  await once(child, 'message');
  const result = await work();
  child.send('stop');
  const [profile] = (await once(child, 'message')) as [Profile];
  return { result, profile };
}
