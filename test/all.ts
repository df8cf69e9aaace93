/**
 * Every test file, as tap would start them, but without what tap loads into each process for its coverage: that is a
 * third of the time of the whole run. Most share a process: to load tap and the service costs more than a small file does.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, relative } from 'node:path';
import process from 'node:process';
import t from 'tap';
import { isCampaign } from './stack/tools.ts';

/**
 * Milliseconds that a test may take, or a file that has a process of its own: only a fault lets one come to this, on a machine
 * that is busy with others, too.
 */
const timeout = 600_000;

/**
 * The files and folders of each process, by the name that it has in the results. What takes longest starts first: no core is to
 * be idle while it ends. A file that is here neither by itself nor by its folder has a process of its own.
 */
const processes: Readonly<Record<string, readonly string[]>> = {
  ...(isCampaign && { schemathesis: ['stack/schemathesis'] }),
  waits: ['http/attacks', 'http/bad-input', 'http/overload'],
  telemetry: ['telemetry'],
  consistency: ['consistency'],
  commands: ['command-line', 'audit-accept-loss', 'audit-verify', 'health', 'policy-test', 'token-identity'],
  ends: ['canary', 'canary-process', 'crash', 'process'],
  http: ['http'],
  starts: [
    'signals',
    'log-output',
    'half-states',
    'start-refused',
    'start-stop',
    'start-temporary',
    'unix-socket',
  ],
  stops: ['stack/stops'],
  audit: ['audit'],
  store: ['store'],
  tls: ['tls'],
  bench: ['bench'],
  metrics: ['metrics', 'scheduler'],
  // Outside a campaign most of test/stack only says that it is skipped.
  functions: [
    'config',
    'file-permissions',
    'grafana',
    'json-schema',
    'policy',
    'rotation',
    'tools',
    'vault',
  ].concat(isCampaign ? [] : 'stack'),
  // What measures time: no other test leaves it garbage to collect.
  speed: ['policy/speed'],
};

/** The name of the process that a file is in. */
function processOf(file: string): string {
  const path = relative('test', file);
  const naming = (entry: string) => Object.keys(processes).find(name => processes[name]?.includes(entry));
  return naming(path.slice(0, -'.test.ts'.length)) ?? naming(dirname(path)) ?? file;
}

const files = Map.groupBy(globSync('test/**/*.test.ts').toSorted(), processOf);

t.setTimeout(0);
// More than there are cores: tests wait for processes, disks and time limits, too. A campaign measures time, and has fewer.
t.jobs = isCampaign ? availableParallelism() + 1 : 2 * availableParallelism();
for (const name of new Set([...Object.keys(processes), ...files.keys()])) {
  const own = files.get(name);
  if (own === undefined) throw new Error(`there is no file for ${name}; correct the list of processes`);
  const node = [process.execPath, ...(own.length > 1 ? ['test/together.ts'] : []), ...own];
  const command = ['-u', 'NODE_OPTIONS', `TAP_TIMEOUT=${timeout / 1000}`, ...node];
  t.spawn('env', command, { buffered: true, timeout }, name);
}
