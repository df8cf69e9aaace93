/**
 * Test files in one process: `bin/pinned-node test/together.ts FILE...`, as test/all.ts starts it. To load tap and the service's
 * modules costs more than most of these files do. None of them may have a teardown of the whole file: with one, tap ends as
 * soon as no test is waiting, and the next file may still be preparing its own.
 */
import { resolve } from 'node:path';
import { argv } from 'node:process';
import t from 'tap';

// The limit of the process counts from the start of each test: files do not share it.
const { timeout } = t.options;
t.on('subtestStart', () => t.setTimeout(timeout ?? 0));

for (const file of argv.slice(2)) {
  // What a file makes for all of its tests is in a folder of its own, as it would be in a process of its own.
  t.testdirName = resolve('.tap/fixtures', file.replaceAll('/', '-'));
  await import(resolve(file));
}
