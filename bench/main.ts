/**
 * `npm run bench`: what the service does and what its metrics, traces and tokens cost, on this machine, in under five
 * minutes and without a network. Prints a report and writes it to docs/benchmarks.md.
 * `npm run bench -- --traces` compares traces at more shares instead, and only prints.
 */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { argv, stderr, stdout } from 'node:process';
import type { Measurements } from './budgets.ts';
import { getByHeader, healthOff, serviceSuite, tracesSuite } from './cases.ts';
import { compare } from './comparisons.ts';
import { benchmarksPage } from './document.ts';
import { measureLatencies } from './latencies.ts';
import type { Sample } from './load.ts';
import { describeMachine } from './machine.ts';
import { temporaryFolder } from './owned.ts';
import { loadTable, ratioTable } from './report.ts';
import type { Rounds } from './rounds.ts';
import { measureSizes } from './sizes.ts';
import { median } from './statistics.ts';
import { measureWrites } from './writes.ts';

const documentPath = new URL('../docs/benchmarks.md', import.meta.url);

/** What each part may take, in seconds. With the making of the vaults they come to less than five minutes. */
const shares = { comparisons: 105, latencies: 22, writes: 42, starts: 12, reads: 30 };

const startedAt = performance.now();

function elapsed(): number {
  return (performance.now() - startedAt) / 1000;
}

function progress(text: string): void {
  stderr.write(`${elapsed().toFixed(0).padStart(4)} s  ${text}\n`);
}

async function measureAll(folder: string): Promise<Measurements> {
  const compared = await compare(serviceSuite, folder, shares.comparisons, progress);
  const peaks = { health: peakOf(compared, healthOff), get: peakOf(compared, getByHeader) };
  const paced = await measureLatencies(peaks, folder, shares.latencies, progress);
  const written = await measureWrites(folder, shares.writes, progress);
  const { starts, samples: read } = await measureSizes(folder, shares, progress);
  return { samples: new Map([...compared, ...written, ...read]), paced, starts };
}

function peakOf(samples: Rounds<Sample>, name: string): number {
  return median((samples.get(name) ?? []).map(({ requestsPerSecond }) => requestsPerSecond));
}

const folder = temporaryFolder();
const machine = describeMachine(folder);
if (argv.includes('--traces')) {
  const samples = await compare(tracesSuite, folder, shares.comparisons, progress);
  stdout.write(`${machine}\n\n${loadTable(samples)}\n${ratioTable(tracesSuite.ratios, samples)}`);
} else {
  const page = benchmarksPage(await measureAll(folder), machine, elapsed());
  stdout.write(page);
  writeFileSync(documentPath, page);
}
