/**
 * `npm run bench`: what the service does and what its metrics, traces and tokens cost, on this machine, in under five
 * minutes and without a network. Prints a report and writes it to docs/benchmarks.md.
 * `npm run bench -- --reads` compares tokens and traces for as long, in more processes, and `npm run bench -- --traces` traces
 * at more shares; they only print.
 */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { argv, exit, stderr, stdout } from 'node:process';
import { Allotment } from './allotment.ts';
import type { Measurements } from './budgets.ts';
import { type Comparison, readComparisons, serviceComparisons, traceComparisons } from './cases.ts';
import { compare } from './comparisons.ts';
import { benchmarksPage } from './document.ts';
import { measureLatencies } from './latencies.ts';
import { describeMachine } from './machine.ts';
import { temporaryFolder } from './owned.ts';
import { loadTable, ratioTable } from './report.ts';
import { makeVaults, measureReadsBySize, measureStarts } from './sizes.ts';
import { measureWrites } from './writes.ts';

const documentPath = new URL('../docs/benchmarks.md', import.meta.url);

/** The whole run, in seconds; a round may take longer than the one that its time was guessed by. */
const limit = 285;
/** Two rounds of each part, in seconds. A part that has less makes one. */
const usualSeconds = { comparisons: 98, latencies: 59, writes: 41, starts: 6, reads: 46 };

const startedAt = performance.now();

function elapsed(): number {
  return (performance.now() - startedAt) / 1000;
}

function progress(text: string): void {
  stderr.write(`${elapsed().toFixed(0).padStart(4)} s  ${text}\n`);
}

async function measureAll(folder: string): Promise<Measurements> {
  const vaults = await makeVaults(folder, progress);
  const allotment = new Allotment(limit, usualSeconds, elapsed);
  const compared = await compare(serviceComparisons, folder, allotment.secondsFor('comparisons'), progress);
  const paced = await measureLatencies(folder, allotment.secondsFor('latencies'), progress);
  const written = await measureWrites(folder, allotment.secondsFor('writes'), progress);
  const starts = await measureStarts(vaults, allotment.secondsFor('starts'), progress);
  const reads = await measureReadsBySize(vaults, allotment.secondsFor('reads'), progress);
  return {
    samples: new Map([...compared.samples, ...written, ...reads.samples]),
    ratios: new Map([...compared.ratios, ...reads.ratios]),
    paced,
    starts,
  };
}

interface Alone {
  readonly comparisons: readonly Comparison[];
  readonly seconds: number;
}

/** What can be measured alone, by option. */
const alone: ReadonlyMap<string, Alone> = new Map([
  ['--reads', { comparisons: readComparisons, seconds: limit }],
  ['--traces', { comparisons: traceComparisons, seconds: limit / 2 }],
]);

const options = argv.slice(2);
const chosen = alone.get(options[0] ?? '');
if (options.length > 1 || (options.length === 1 && chosen === undefined)) {
  stderr.write(`npm run bench takes one of ${[...alone.keys()].join(', ')}, or nothing\n`);
  exit(2);
}
const folder = temporaryFolder();
const machine = describeMachine(folder);
if (chosen !== undefined) {
  const { samples, ratios } = await compare(chosen.comparisons, folder, chosen.seconds, progress);
  stdout.write(`${machine}\n\n${loadTable(samples)}\n${ratioTable(ratios)}`);
} else {
  const page = benchmarksPage(await measureAll(folder), machine, elapsed());
  stdout.write(page);
  writeFileSync(documentPath, page);
}
