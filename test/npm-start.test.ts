import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { delimiter, dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { checkout, install, waitFor } from './helpers/service.ts';
import { findTool } from './stack/tools.ts';

const npm = findTool('npm') ?? '';
const skip = npm === '' && 'needs npm';
/** As in a shell: bin/pinned-node has put the pinned Node first for this process. */
const PATH = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter(folder => folder !== dirname(process.execPath))
  .join(delimiter);

interface Started {
  readonly npm: ChildProcess;
  readonly url: string;
  /** Of the service itself, as its ready line says. */
  readonly pid: number;
  output(): string;
  /** Resolves when npm and the service have both ended: the service holds the end of the pipe that it writes to. */
  readonly bothEnded: Promise<unknown>;
}

/** Runs `npm start` in a process group of its own, as a shell does for what is typed at a terminal. */
async function npmStart(t: Test): Promise<Started> {
  const { folder, configFile, port, environment } = await install(t.testdir());
  const child = spawn(npm, ['start', '--', '--config', configFile], {
    cwd: checkout,
    detached: true,
    env: { PATH, HOME: folder, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', chunk => {
    output += chunk;
  });
  const bothEnded = once(child, 'close');
  t.teardown(() => endGroup(pidOf(child)));
  const pid = await readyPid(() => output, 1);
  return { npm: child, url: `http://127.0.0.1:${port}`, pid, output: () => output, bothEnded };
}

/** The process id in the ready line of that number. */
async function readyPid(output: () => string, number: number): Promise<number> {
  const ready = () =>
    output()
      .split('\n')
      .filter(line => line.includes('"msg":"ready"'))[number - 1];
  await waitFor(() => ready() !== undefined);
  return (JSON.parse(ready() ?? '') as { pid: number }).pid;
}

/** Ends what a failed test has left running. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Everything has ended.
  }
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('npm was not started');
  return pid;
}

t.test('a Ctrl-C, which npm passes on once more, cuts no request', { skip }, async t => {
  const started = await npmStart(t);
  const slow = request(`${started.url}/secret`, {
    method: 'POST',
    headers: { 'x-jarvis-client': 'admin', 'content-type': 'application/json' },
  });
  slow.write('{"name":"app/a",');
  await fetch(`${started.url}/healthz`);
  process.kill(-pidOf(started.npm), 'SIGINT');
  await waitFor(() => started.output().includes('"msg":"stopping'));
  slow.end('"value":"v"}');
  const [answer] = await once(slow, 'response');
  t.equal(answer.statusCode, 201);
  answer.resume();
  await started.bothEnded;
  t.match(started.output(), '"msg":"stopped"');
  t.notMatch(started.output(), 'a second signal');
  t.equal(started.npm.exitCode, 0);
});

for (const signal of ['SIGHUP', 'SIGKILL'] as const) {
  t.test(`the service stops when ${signal} has ended npm`, { skip }, async t => {
    const started = await npmStart(t);
    process.kill(pidOf(started.npm), signal);
    await started.bothEnded;
    t.equal(started.npm.signalCode, signal);
    t.match(started.output(), /"parent":\d+,"msg":"npm, which started the service, has ended/);
    t.match(started.output(), '"msg":"stopped"');
  });
}

t.test('the process id of the ready line is where signals go', { skip }, async t => {
  const started = await npmStart(t);
  process.kill(started.pid, 'SIGHUP');
  await waitFor(() => started.output().includes('policy reloaded'));
  process.kill(started.pid, 'SIGTERM');
  await started.bothEnded;
  t.equal(started.npm.exitCode, 0);
});

t.test('a successor does not stop when npm ends with the process that npm started', { skip }, async t => {
  const started = await npmStart(t);
  const npmEnded = once(started.npm, 'exit');
  process.kill(started.pid, 'SIGUSR2');
  const successor = await readyPid(started.output, 2);
  await npmEnded;
  // Two looks at the parent, if there were any.
  await setTimeout(1200);
  t.equal((await fetch(`${started.url}/readyz`)).status, 200);
  process.kill(successor, 'SIGTERM');
  await started.bothEnded;
  t.notMatch(started.output(), 'npm, which started');
});
