/**
 * Every test file, each in a process of its own as `tap run` would start them, but without what tap loads into each for its
 * coverage: that is a third of the time of the whole run.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import t from 'tap';

const timeout = 120_000;

t.setTimeout(0);
// One more than there are cores: tests wait for processes, too.
t.jobs = availableParallelism() + 1;
for (const file of globSync('test/**/*.test.ts').toSorted()) {
  const command = ['-u', 'NODE_OPTIONS', `TAP_TIMEOUT=${timeout / 1000}`, process.execPath, file];
  t.spawn('env', command, { buffered: true, timeout }, file);
}
