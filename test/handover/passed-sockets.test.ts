import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { freePort } from '../../tools/free-port.ts';
import { askedService, executable, install } from '../helpers/service.ts';
import { type HolderOptions, SocketHolder, skipWithoutPython } from '../helpers/socket-holder.ts';

t.setTimeout(600_000);

const skip = skipWithoutPython;
const scrapeAddress = 'JARVIS_SECRETSD_TELEMETRY_PROMETHEUS_BIND_ADDR';

t.test(
  'passed sockets outlive the service: a request that comes while it is stopped is served',
  { skip },
  async t => {
    const scrapes = await freePort();
    const installation = await install(t.testdir(), { [scrapeAddress]: `127.0.0.1:${scrapes}` });
    const holder = await SocketHolder.open(installation, {
      sockets: [
        { name: 'api', host: '127.0.0.1', port: installation.port },
        { name: 'metrics', host: '127.0.0.1', port: scrapes },
      ],
    });
    const service = askedService(installation);
    const early = service.request('POST', '/secret', { name: 'app/a', value: 'v' });
    t.equal(await holder.start(), 'ready');
    t.equal((await early).status, 201, 'a request from before the first start');
    t.equal(await holder.end(), 0);
    const waiting = [service.request('GET', '/secret/app/a'), fetch(`http://127.0.0.1:${scrapes}/metrics`)];
    t.equal(await holder.start(), 'ready');
    for (const answer of await Promise.all(waiting)) t.equal(answer.status, 200, 'a request from between');
    t.equal(await holder.end('SIGKILL'), -9);
    const afterKill = service.request('GET', '/secret/app/a');
    t.equal(await holder.start(), 'ready');
    t.equal((await afterKill).status, 200, 'a request from after a kill');
    t.equal(await holder.end(), 0);
    await holder.close();
  },
);

t.test('a passed unix socket is served, and left to its owner', { skip }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'jarvis-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'api.sock');
  const installation = await install(folder, { JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${path}` });
  const holder = await SocketHolder.open(installation, { sockets: [{ name: 'api', path, mode: 0o600 }] });
  for (let round = 0; round < 2; round++) {
    t.equal(await holder.start(), 'ready');
    const [answer] = await once(httpRequest({ socketPath: path, path: '/healthz' }).end(), 'response');
    t.equal(answer.statusCode, 200);
    await text(answer);
    t.equal(await holder.end(), 0);
    t.ok(existsSync(path), 'it stays');
  }
  await holder.close();
});

interface Misfit {
  readonly options: (port: number, folder: string) => HolderOptions;
  readonly environment?: (port: number, folder: string) => Record<string, string>;
  readonly refusal: RegExp;
}

const api = (port: number) => ({ name: 'api', host: '127.0.0.1', port });
const misfits: Record<string, Misfit> = {
  'another address': {
    options: port => ({ sockets: [{ name: 'api', host: '0.0.0.0', port }] }),
    refusal:
      /socket api \S+ LISTEN_FDS passes is bound to http:\/\/0\.0\.0\.0:\d+, and server\.bind_addr is http:\/\/127/,
  },
  'another path': {
    options: (_port, folder) => ({ sockets: [{ name: 'api', path: join(folder, 'a.sock'), mode: 0o600 }] }),
    environment: (_port, folder) => ({
      JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${join(folder, 'b.sock')}`,
    }),
    refusal: /is bound to unix:\/\S+a\.sock, and server\.bind_addr is unix:\/\S+b\.sock/,
  },
  'a file that others may write to': {
    options: (_port, folder) => ({ sockets: [{ name: 'api', path: join(folder, 'a.sock'), mode: 0o666 }] }),
    environment: (_port, folder) => ({
      JARVIS_SECRETSD_SERVER_BIND_ADDR: `unix://${join(folder, 'a.sock')}`,
    }),
    refusal: /a\.sock has mode 0666, and server\.socket_mode is 0600; set SocketMode=/,
  },
  'a name that is none of ours': {
    options: port => ({ sockets: [api(port)], names: 'jarvis-secretsd.socket' }),
    refusal:
      /names descriptor 3 "jarvis-secretsd\.socket", which is no listener of this service; set FileDescriptorName=/,
  },
  'two without names': {
    options: port => ({ sockets: [api(port), { ...api(port + 1), name: 'metrics' }], names: null }),
    refusal: /LISTEN_FDS passes 2 sockets and LISTEN_FDNAMES has 0 names/,
  },
  'metrics that the configuration does not have': {
    options: port => ({ sockets: [api(port), { ...api(port + 1), name: 'metrics' }] }),
    refusal: /passes a socket named metrics, and telemetry\.prometheus\.bind_addr is not set/,
  },
};
for (const [what, { options, environment, refusal }] of Object.entries(misfits)) {
  t.test(`refused: ${what}`, { skip }, async t => {
    const folder = mkdtempSync(join(tmpdir(), 'jarvis-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const base = await install(folder);
    const { port } = base;
    const installation = {
      ...base,
      environment: { ...base.environment, ...environment?.(port, folder) },
    };
    const holder = await SocketHolder.open(installation, options(port, folder));
    t.equal(await holder.start(), 2);
    await holder.close();
    t.match(holder.output(), refusal);
    t.notOk(existsSync(join(folder, 'data')), 'nothing is made');
  });
}

t.test(
  'one socket without a name is that of the API; if nobody listens on it yet, the service does',
  { skip },
  async t => {
    const installation = await install(t.testdir());
    const holder = await SocketHolder.open(installation, {
      sockets: [api(installation.port)],
      names: null,
      backlog: 0,
    });
    t.equal(await holder.start(), 'ready');
    t.equal((await askedService(installation).request('GET', '/healthz')).status, 200);
    t.equal(await holder.end(), 0);
    await holder.close();
  },
);

const activate = 'systemd-socket-activate';
const withoutSystemd =
  spawnSync(activate, ['--version']).status === 0 ? false : `needs ${activate} (Debian: systemd)`;

t.test(`started by ${activate}, with its first connection`, { skip: withoutSystemd }, async t => {
  const installation = await install(t.testdir());
  const { PATH = '', HOME = '' } = process.env;
  const environment = { PATH, HOME, ...installation.environment };
  const child = spawn(
    activate,
    [
      `--listen=127.0.0.1:${installation.port}`,
      '--fdname=api',
      ...Object.entries(environment).map(([name, value]) => `--setenv=${name}=${value}`),
      executable,
      '--config',
      installation.configFile,
    ],
    { cwd: installation.folder, env: environment, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [line] = await once(child.stderr, 'data');
  t.match(String(line), /Listening on/);
  t.equal((await askedService(installation).request('GET', '/healthz')).status, 200);
  child.kill('SIGTERM');
  t.same(await once(child, 'close'), [0, null]);
});
