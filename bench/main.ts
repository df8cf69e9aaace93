/**
 * `npm run bench`: what the service does and what its metrics, traces and tokens cost, on this machine, in under five
 * minutes and without a network. Prints a report and writes it to docs/benchmarks.md.
 * `npm run bench -- --reads` compares tokens and traces for as long, in more processes, and `npm run bench -- --traces` traces
 * at more shares; they only print.
 */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { argv, stderr, stdout } from 'node:process';
import type { Measurements } from './budgets.ts';
import { readsSuites, type Suite, serviceSuites, tracesSuites } from './cases.ts';
import { compare } from './comparisons.ts';
import { benchmarksPage } from './document.ts';
import { measureLatencies } from './latencies.ts';
import { describeMachine } from './machine.ts';
import { temporaryFolder } from './owned.ts';
import { loadTable, ratioTable } from './report.ts';
import { makeVaults, measureSizes } from './sizes.ts';
import { measureWrites } from './writes.ts';

const documentPath = new URL('../docs/benchmarks.md', import.meta.url);

/** The whole run, in seconds, with what it takes to come to an end. */
const limit = 285;
/** What each part has of the time that is left once the vaults are made. */
const shares = { comparisons: 0.42, latencies: 0.18, writes: 0.2, starts: 0.03, reads: 0.17 };

const startedAt = performance.now();

function elapsed(): number {
  return (performance.now() - startedAt) / 1000;
}

function progress(text: string): void {
  stderr.write(`${elapsed().toFixed(0).padStart(4)} s  ${text}\n`);
}

async function measureAll(folder: string): Promise<Measurements> {
  const vaults = await makeVaults(folder, progress);
  const left = limit - elapsed();
  const seconds = (part: keyof typeof shares) => left * shares[part];
  const compared = await compare(serviceSuites, folder, seconds('comparisons'), progress);
  const paced = await measureLatencies(folder, seconds('latencies'), progress);
  const written = await measureWrites(folder, seconds('writes'), progress);
  const sized = await measureSizes(vaults, { starts: seconds('starts'), reads: seconds('reads') }, progress);
  return {
    samples: new Map([...compared.samples, ...written, ...sized.reads.samples]),
    ratios: new Map([...compared.ratios, ...sized.reads.ratios]),
    paced,
    starts: sized.starts,
  };
}

/** What can be measured alone, by option. */
const suitesAlone: ReadonlyMap<string, { readonly suites: readonly Suite[]; readonly seconds: number }> =
  new Map([
    ['--reads', { suites: readsSuites, seconds: limit }],
    ['--traces', { suites: tracesSuites, seconds: limit / 2 }],
  ]);

const folder = temporaryFolder();
const machine = describeMachine(folder);
const alone = suitesAlone.get(argv[2] ?? '');
if (alone !== undefined) {
  const { samples, ratios } = await compare(alone.suites, folder, alone.seconds, progress);
  stdout.write(`${machine}\n\n${loadTable(samples)}\n${ratioTable(ratios)}`);
} else {
  const page = benchmarksPage(await measureAll(folder), machine, elapsed());
  stdout.write(page);
  writeFileSync(documentPath, page);
}
