import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  install,
  type RunningService,
  readAudit,
  runCommand,
  startService,
  waitFor,
} from '../helpers/service.ts';

/** Where Debian, Fedora and Homebrew install libfaketime. */
const library = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib64/faketime/libfaketime.so.1',
  '/usr/lib/faketime/libfaketime.so.1',
].find(path => existsSync(path));
const skip = library === undefined ? 'libfaketime is not installed' : false;

t.test('a process whose clock is wrong destroys nothing until an operator confirms', { skip }, async t => {
  const folder = t.testdir();
  const offsetFile = join(folder, 'offset');
  const setClock = (offset: string) => {
    writeFileSync(`${offsetFile}.new`, offset);
    renameSync(`${offsetFile}.new`, offsetFile);
  };
  setClock('+0');
  const installation = await install(join(folder, 'service'), {
    LD_PRELOAD: library ?? '',
    FAKETIME_TIMESTAMP_FILE: offsetFile,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  });
  const events = () =>
    readdirSync(join(installation.folder, 'data/audit'))
      .flatMap(file => readAudit(installation, file).trim().split('\n'))
      .map(line => JSON.parse(line) as { event: string; time: string; detail?: { by?: string } })
      .filter(({ event }) => event.startsWith('clock_'));
  const states = async (service: RunningService) => {
    const answer = await service.request('GET', '/versions/app/key');
    const { versions } = (await answer.json()) as { versions: { state: string }[] };
    return versions.map(({ state }) => state);
  };
  /** The scheduler's first round comes at once. */
  const firstRound = async (service: RunningService) => {
    for (;;) {
      const { scheduler_last_success_timestamp_seconds: at = 0 } = Object.fromEntries(await service.scrape());
      if (at > 0) return;
    }
  };
  const start = async () => {
    const service = await startService(installation);
    t.teardown(() => service.stop('SIGKILL'));
    await firstRound(service);
    return service;
  };

  const first = await start();
  const rotation = { every: '2h', grace: '1h' };
  await first.request('POST', '/secret', { name: 'app/key', value: 'supplied', rotation });
  for (const _ of [1, 2]) await first.request('POST', '/rotate', { names: ['app/key'] });
  const safe = ['superseded', 'superseded', 'active'];
  t.same(await states(first), safe);

  setClock('+1y');
  await waitFor(() => first.output().includes('the clock is in doubt'));
  t.match(Object.fromEntries(await first.scrape()), { clock_in_doubt: 1 });
  t.ok(((await first.scrape()).get('clock_offset_seconds') ?? 0) > 300 * 86_400);
  setClock('-1h');
  const doubts = () => first.output().split('the clock is in doubt').length - 1;
  await waitFor(() => doubts() === 2);
  t.ok(((await first.scrape()).get('clock_offset_seconds') ?? 0) < -3590, 'gauges go on');
  setClock('+1y');
  await waitFor(() => doubts() === 3);
  await first.stop();

  const second = await start();
  t.match(second.output(), /"doubt":"ahead"/);
  t.same(await states(second), safe, 'after a start with a wrong clock');
  t.match(await runCommand(installation, ['clock', 'confirm', '--config', installation.configFile]), {
    code: 0,
    output: /the running service has taken the confirmation/,
  });
  t.match(Object.fromEntries(await second.scrape()), { clock_in_doubt: 0, clock_offset_seconds: 0 });
  t.match(second.output(), /an operator confirmed the clock/);
  await second.stop();

  setClock('+0');
  const third = await start();
  t.match(third.output(), /"doubt":"behind".*if the clock is right, run jarvis-secretsd clock confirm/);
  await third.stop();
  t.match(await runCommand(installation, ['clock', 'confirm', '--config', installation.configFile]), {
    code: 0,
    output: /recorded for the next start/,
  });
  const fourth = await start();
  t.match(Object.fromEntries(await fourth.scrape()), { clock_in_doubt: 0 });
  t.same(await states(fourth), safe);
  await fourth.stop();

  t.same(
    events().map(({ event }) => event),
    [
      'clock_doubted',
      'clock_doubted',
      'clock_doubted',
      'clock_doubted',
      'clock_confirmed',
      'clock_doubted',
      'clock_confirmed',
    ],
  );
  t.match(
    events()[0]?.time,
    new RegExp(`^${new Date().getUTCFullYear()}`),
    'stamped by the time as it was expected',
  );
  t.match(events().at(-1)?.detail?.by, /./);
  t.match(await runCommand(installation, ['audit', 'verify', '--config', installation.configFile]), {
    code: 0,
  });
});
