import { cpus, release, totalmem } from 'node:os';
import process from 'node:process';
import { connections, type Sample } from './load.ts';
import { type ColdStart, pinned } from './processes.ts';
import { median, spread } from './statistics.ts';

/** The rounds of one case. */
export interface CaseResult {
  readonly name: string;
  readonly samples: readonly Sample[];
}

export interface Ratio {
  readonly name: string;
  readonly of: string;
  readonly to: string;
}

/** The whole report, as Markdown. */
export function report(
  results: readonly CaseResult[],
  ratios: readonly Ratio[],
  starts: readonly ColdStart[],
): string {
  return `${machine()}

| Case | requests/s | spread | p50 ms | p99 ms | server cores | server µs/request |
|---|---:|---:|---:|---:|---:|---:|
${results.map(caseRow).join('\n')}

| Ratio | throughput | rounds | server CPU per request |
|---|---:|---:|---:|
${ratios.map(ratio => ratioRow(ratio, results)).join('\n')}

| Executable | median | spread |
|---|---:|---:|
${startRow(
  'start to ready, ms',
  starts.map(start => start.milliseconds),
)}
${startRow(
  'resident after 2 s idle, MB',
  starts.map(start => start.megabytes),
)}
`;
}

function machine(): string {
  const placement = pinned ? 'server on core 0, load on core 1' : 'nothing pinned';
  const [cpu] = cpus();
  return `${cpu?.model.trim()}, ${cpus().length} cores, ${(totalmem() / 1e9).toFixed(0)} GB, Linux ${release()}, Node ${process.version}; ${connections} connections, ${placement}. Medians of interleaved rounds; spread is (max - min) / median.`;
}

function caseRow({ name, samples }: CaseResult): string {
  const of = (key: keyof Sample) => samples.map(sample => sample[key]);
  const rates = of('requestsPerSecond');
  const cells = [
    name,
    median(rates).toFixed(0),
    percent(spread(rates)),
    median(of('p50')).toFixed(0),
    median(of('p99')).toFixed(0),
    median(of('serverCores')).toFixed(2),
    median(of('serverMicroseconds')).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Each round is compared with its own neighbour, so that a drift of the machine cancels out. */
function ratioRow({ name, of, to }: Ratio, results: readonly CaseResult[]): string {
  const numerator = samplesOf(of, results);
  const denominator = samplesOf(to, results);
  const perRound = (key: 'requestsPerSecond' | 'serverMicroseconds') =>
    numerator.map((sample, round) => sample[key] / (denominator[round]?.[key] ?? Number.NaN));
  const rates = perRound('requestsPerSecond');
  const range = `${Math.min(...rates).toFixed(2)}–${Math.max(...rates).toFixed(2)}`;
  return `| ${name} | ${median(rates).toFixed(2)} | ${range} | ${median(perRound('serverMicroseconds')).toFixed(2)} |`;
}

function samplesOf(name: string, results: readonly CaseResult[]): readonly Sample[] {
  return results.find(result => result.name === name)?.samples ?? [];
}

function startRow(name: string, values: readonly number[]): string {
  return `| ${name} | ${median(values).toFixed(0)} | ${percent(spread(values))} |`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
