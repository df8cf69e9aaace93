import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { pinned } from './processes.ts';
import { median } from './statistics.ts';

const syncs = 50;
const blockBytes = 4096;

/** The machine in a sentence; `folder` is where the vaults lie. */
export function describeMachine(folder: string): string {
  const [cpu] = cpus();
  const cores = cpus().length;
  const [load = 0] = loadavg();
  return [
    `${cpu?.model.trim()}, ${cores} cores, ${(totalmem() / 1e9).toFixed(0)} GB, Linux ${release()}, Node ${process.version}`,
    pinned ? 'server on core 0, load on core 1' : 'nothing pinned to a core',
    `4 KiB and fdatasync on the disk of the vaults take ${syncMilliseconds(folder).toFixed(2)} ms`,
    `load average ${load.toFixed(1)} before the run`,
    ...(load > cores / 2 ? ['other work took its share, so these figures say little'] : []),
  ].join('; ');
}

/** What a durable write costs on this disk before any of it is ours: the median of a few. */
function syncMilliseconds(folder: string): number {
  const file = openSync(join(folder, 'sync-probe'), 'w');
  const block = Buffer.alloc(blockBytes);
  try {
    const times = Array.from({ length: syncs }, () => {
      const start = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return performance.now() - start;
    });
    return median(times);
  } finally {
    closeSync(file);
  }
}
