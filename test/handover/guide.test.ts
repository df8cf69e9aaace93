import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { read } from '../consistency/expressions.ts';
import { shellBlocks } from '../consistency/shell-blocks.ts';
import { ServiceChain } from '../helpers/chain.ts';
import { checkout, install } from '../helpers/service.ts';

t.setTimeout(600_000);

t.test('the upgrade of a plain process, as DEPLOYMENT_GUIDE.md has it', async t => {
  const block = shellBlocks(read('DEPLOYMENT_GUIDE.md')).find(({ commands }) =>
    commands.includes('kill -USR2'),
  );
  const installation = await install(t.testdir());
  const chain = await ServiceChain.start(installation);
  const { pid } = chain;
  writeFileSync(join(installation.folder, 'jarvis-secretsd.log'), chain.output());
  const commands = block?.commands
    .replace(/\/opt\/jarvis-secretsd-[\d.]+/, checkout)
    .replace('/usr/local/bin/jarvis-secretsd', join(installation.folder, 'jarvis-secretsd'));
  execFileSync('sh', ['-ec', commands ?? 'false'], { cwd: installation.folder });
  await chain.until('the successor serves', () => chain.ready.length > 1);
  t.not(chain.pid, pid);
  await chain.until('it says so', () => chain.lines('handed over: the successor serves').length > 0);
  await chain.stop();
});
