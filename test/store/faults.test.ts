import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { childResult, killChild, startChild } from './children.ts';

t.test('after kill -9 everything acknowledged is there, and nothing by halves', async t => {
  const path = join(t.testdir({}), 'vault.db');
  const child = startChild('commit-for-ever.ts', [path]);
  t.teardown(() => child.kill('SIGKILL'));
  if (child.stdout === null) throw new Error('the child has no stdout');
  const acknowledged: string[] = [];
  const lines = createInterface(child.stdout);
  const enough = Promise.withResolvers<void>();
  lines.on('line', line => {
    if (acknowledged.push(line) === 2000) enough.resolve();
  });
  const ended = once(lines, 'close');
  await enough.promise;
  await killChild(child);
  await ended;

  const store = await openSqliteStore({ path, create: false, onFatal: error => t.fail(error.message) });
  t.teardown(() => store.close());
  const live = await store.list({ ranges: [{ from: '', to: null }], after: null, limit: 1_000_000 });
  const names = new Set(live.map(row => ('damaged' in row ? 'damaged' : row.head.name)));
  const lost = acknowledged.filter(pair => !names.has(`${pair}/left`) || !names.has(`${pair}/right`));
  t.strictSame(lost, []);
  const halves = [...names].filter(name => !names.has(name.replace(/left|right/, side => other(side))));
  t.strictSame(halves, []);
  t.equal(store.count(), names.size);
});

const mountable = spawnSync('unshare', ['-Urm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
const skip = mountable ? false : 'this machine lets nobody mount a small disk';

t.test('a full disk is a clean refusal, and service returns with space', { skip }, async t => {
  const folder = t.testdir({});
  const mounted = `mount -t tmpfs -o size=2m tmpfs '${folder}' && exec "$@"`;
  const wrapper = ['unshare', '-Urm', 'sh', '-c', mounted, 'sh'];
  const child = startChild('fill-disk.ts', [folder], wrapper);
  t.strictSame(await childResult(child), {
    refusal: 'full',
    refusedAgain: 'full',
    readable: true,
    countMatches: true,
    afterwards: null,
    check: null,
    allFound: true,
    refusedAbsent: true,
    fatal: null,
  });
});

t.test('a file that may not grow is a clean refusal, too', async t => {
  const path = join(t.testdir({}), 'vault.db');
  const child = startChild('hit-file-limit.ts', [path], ['sh', '-c', 'ulimit -f 400; exec "$@"', 'sh']);
  t.match(await childResult(child), { failure: 'failed', later: 'failed', fatal: [] });
});

function other(side: string): string {
  return side === 'left' ? 'right' : 'left';
}
