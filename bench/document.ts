import type { Measurements } from './budgets.ts';
import { budgetTable, loadTable, pacedTable, ratioTable, startTable } from './report.ts';

/** docs/benchmarks.md, whole. */
export function benchmarksPage(measured: Measurements, machine: string, seconds: number): string {
  return `# Benchmarks

Written by \`npm run bench\`: one run of ${seconds.toFixed(0)} seconds on the machine below, with the shipped \`config.toml\`, on
loopback. The same command measures your machine and writes this page anew; it wants nothing else to run beside it.

${machine}.

## Budgets

${budgetTable(measured)}
A figure is the median of its rounds, and the middle half is what half of them lie between, of two or three all. Where two things
are compared, both run in each of several short turns, A B B A, and the figure is the median of the turns' own ratios or differences: a
drift of the machine is in both. Each round starts its servers anew, for two processes of the same program differ.

## Ratios

${ratioTable(measured.ratios)}
## Throughput

Each connection sends its next request when it has its answer: 64 of them, but for the rows that say otherwise. Spread is (max − min) /
median of the rounds; near 1 server core the server was the limit, well below it the load was, or the disk.

${loadTable(measured.samples)}
- A read is answered when its audit record is on the disk, and a change when the record of its intent, the change and the record of its
  outcome are: \`audit.sync = "always"\`, the default.
- Creates, updates and rotations have a vault of 10,000 secrets and may use every core, which the load shares. No two clients change
  the same secret.
- "Any of" is spread evenly over all names, more of them than the service remembers rows of.

## Latency

Requests fall due at a fixed rate, and the time of each counts from then: one that had to wait because the server stalled has
the wait in its time (no coordinated omission).

${pacedTable(measured.paced)}
## Starts and memory

${startTable(measured.starts)}
The vaults are filled by \`bench/seed.ts\` with rows that the vault's own code sealed and signed; one audit record stands for 5,000 of
them. Their files are in memory when they are read, and the executable was started before, which keeps the code that it compiled.
`;
}
