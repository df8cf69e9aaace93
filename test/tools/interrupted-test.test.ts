import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { owned } from '../helpers/owned.ts';
import { waitFor } from '../helpers/service.ts';

const program = join(import.meta.dirname, 'children/start-service.ts');
const skip = owned.length === 0 && 'needs setpriv of Linux';

/** Whether the process runs; one that nobody has waited for yet does not. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

t.test('a killed test leaves no service behind', { skip }, async t => {
  const bare = ['-u', 'NODE_OPTIONS', process.execPath, program, t.testdir()];
  const test = spawn('env', [...owned, 'env', ...bare], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(test.stdout, 'data');
  const pid = Number(line);
  t.ok(runs(pid));
  test.kill('SIGKILL');
  await waitFor(() => !runs(pid));
});
