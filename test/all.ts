/**
 * Every test file, as `tap run` would start them, but without what tap loads into each process for its coverage: that is a
 * third of the time of the whole run. Small files share a process (see `sharing`).
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { isCampaign } from './stack/tools.ts';

const timeout = 120_000;

/** Folders whose files share a process: they test functions and what is open in their own process. */
const sharing = [
  'audit',
  'bench',
  'config',
  'consistency',
  'grafana',
  'http',
  'policy',
  'rotation',
  'store',
  'telemetry',
  'tls',
  'tools',
  'vault',
].map(folder => `test/${folder}`);
// Outside a campaign most of them only say that they are skipped.
if (!isCampaign) sharing.push('test/stack');

/**
 * Files of these folders that have a process to themselves: they run the executable, take seconds or measure time, or have a
 * teardown of the whole file (see test/together.ts).
 */
const apart = [
  'bench/load',
  'bench/seed',
  'consistency/documents',
  'http/attacks',
  'http/bad-input',
  'http/overload',
  'policy/speed',
  'store/faults',
  'store/sqlite',
  'telemetry/collector-faults',
  'telemetry/otlp-protocols',
  'telemetry/otlp-push',
  'tls/client-certificates',
  'tls/serving',
].map(fileOf);

/** What takes longest starts first: no core is to be idle while it ends. */
const longest = [
  ...(isCampaign ? [fileOf('stack/schemathesis')] : []),
  ...['consistency/documents', 'http/bad-input', 'telemetry/collector-faults'].map(fileOf),
  'test/http',
  'test/audit',
  ...['start-refused', 'crash', 'canary'].map(fileOf),
];

function fileOf(name: string): string {
  return `test/${name}.test.ts`;
}

function shares(file: string): boolean {
  return sharing.includes(dirname(file)) && !apart.includes(file);
}

/** The arguments of Node for each process, by the name that it has in the results. */
const processes = new Map<string, readonly string[]>();
for (const file of globSync('test/**/*.test.ts').toSorted()) {
  const folder = dirname(file);
  if (!shares(file)) processes.set(file, [file]);
  else processes.set(folder, [...(processes.get(folder) ?? ['test/together.ts', folder]), file]);
}

t.setTimeout(0);
// One more than there are cores: tests wait for processes, too.
t.jobs = availableParallelism() + 1;
for (const name of new Set([...longest, ...processes.keys()])) {
  const args = processes.get(name);
  if (args === undefined) throw new Error(`there is no ${name}; correct the list of what takes longest`);
  const command = ['-u', 'NODE_OPTIONS', `TAP_TIMEOUT=${timeout / 1000}`, process.execPath, ...args];
  t.spawn('env', command, { buffered: true, timeout }, name);
}
