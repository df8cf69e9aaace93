import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nodeOptions } from '../../bench/processes.ts';
import { checkout } from '../helpers/service.ts';

t.test('what is measured runs with the options of bin/jarvis-secretsd', async t => {
  const executable = readFileSync(join(checkout, 'bin/jarvis-secretsd'), 'utf8');
  t.match(executable, `exec "$root/bin/pinned-node" ${nodeOptions.join(' ')} "$entry"`);
});
