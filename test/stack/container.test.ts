import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import packageFile from '../../package.json' with { type: 'json' };
import { freePort } from '../../tools/free-port.ts';
import { parseSamples } from '../helpers/service.ts';
import { contract } from '../metrics/contract.ts';
import { buildImage } from './image.ts';
import { limits, Podman } from './podman.ts';
import { until } from './programs.ts';
import { campaignOnly, stackTimeout } from './tools.ts';

t.setTimeout(stackTimeout);

const inside = '/usr/local/bin/node';
const command = '/app/src/cli/main.ts';
const configFile = '/etc/jarvis-secretsd/config.toml';

t.test('the image, built and run by podman', { skip: campaignOnly }, async t => {
  const podman = new Podman();
  t.teardown(() => podman.remove());
  const image = await buildImage(podman);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const name = 'jarvis';
  const hardened = [
    ...['--network', 'host', '--read-only', '--read-only-tmpfs=false', '--cap-drop', 'all'],
    ...['--security-opt', 'no-new-privileges', ...limits],
    // Empty in place of every program that Debian brings, shells among them: the service must not miss one.
    ...['--tmpfs', '/usr/bin:notmpcopyup', '--tmpfs', '/usr/sbin:notmpcopyup'],
  ];

  await t.test('says of itself what engines ask', async t => {
    const [facts] = JSON.parse(await podman.run('image', 'inspect', image)) as [Record<string, unknown>];
    t.match(facts, {
      User: '10001:10001',
      Config: {
        Entrypoint: [inside, '--disable-sigusr1', '--no-allocation-site-pretenuring', command],
        Cmd: ['--config', configFile],
        StopSignal: 'SIGTERM',
        ExposedPorts: { '8081/tcp': {} },
        Labels: { 'org.opencontainers.image.version': packageFile.version },
      },
      Healthcheck: { Test: ['CMD', inside, command, 'health', '--config', configFile] },
    });
    t.notMatch(facts, { Config: { Volumes: Object } }, 'no anonymous volume');
    t.comment(`${Math.round(Number(facts['Size']) / 1e6)} MB`);
  });

  await t.test('without its volumes it makes no vault', async t => {
    const outcome = await podman.attempt('run', '--rm', '--network', 'host', ...limits, image);
    t.match(outcome, { code: 2, stderr: /server\.init is "require"/ });
  });

  await podman.run(
    'run',
    ...['--detach', '--name', name, ...hardened, '--volume', 'data:/data', '--volume', 'keys:/keys'],
    ...[
      '--env',
      `JARVIS_SECRETSD_SERVER_BIND_ADDR=127.0.0.1:${port}`,
      '--env',
      'JARVIS_SECRETSD_SERVER_INIT=auto',
    ],
    image,
  );
  const ready = async () => {
    await until('the container is ready', async () => {
      const { State } = await inspect();
      if (State['Status'] !== 'running') throw new Error(await podman.run('logs', name));
      return await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
  };
  const inspect = async () =>
    (JSON.parse(await podman.run('container', 'inspect', name)) as [{ State: Record<string, unknown> }])[0];
  const insideNode = (script: string) => podman.attempt('exec', name, inside, '-e', script);
  await ready();

  await t.test(
    'it is nobody in particular, on a file system that it cannot change, without a shell',
    async t => {
      t.match(await insideNode('console.log(process.getuid(), process.getgid())'), { stdout: '10001 10001' });
      for (const file of ['/app/x', '/etc/jarvis-secretsd/x', '/tmp/x', '/x'])
        t.match(await insideNode(`fs.writeFileSync('${file}', '')`), { code: 1, stderr: 'EROFS' }, file);
      for (const shell of ['/bin/sh', '/usr/bin/bash'])
        t.match(await podman.attempt('exec', name, shell, '-c', 'exit 0'), { code: 127 }, shell);
    },
  );

  await t.test('the health check asks it', async t => {
    await podman.run('healthcheck', 'run', name);
    const elsewhere = ['--env', 'JARVIS_SECRETSD_SERVER_BIND_ADDR=127.0.0.1:1'];
    t.match(
      await podman.attempt('exec', ...elsewhere, name, inside, command, 'health', '--config', configFile),
      { code: 1, stdout: 'ECONNREFUSED' },
    );
  });

  const keys = await podman.run('volume', 'inspect', '--format', '{{.Mountpoint}}', 'keys');
  const bootstrapFile = join(keys, 'bootstrap.token');
  const ask = (method: string, path: string, token: string, body?: object) =>
    fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const issued = { token: '' };

  await t.test('the bootstrap token waits on the volume of the keys, and opens the door', async t => {
    t.match(statSync(bootstrapFile), { mode: 0o100600, uid: 10_001, gid: 10_001 });
    const bootstrap = readFileSync(bootstrapFile, 'utf8').trim();
    const answer = await ask('POST', '/tokens', bootstrap, { client: 'admin' });
    t.equal(answer.status, 201);
    Object.assign(issued, await answer.json());
    const { token } = issued;
    t.equal((await ask('POST', '/secret', token, { name: 'app/db', value: 'v' })).status, 201);
    t.match(await (await ask('GET', '/secret/app/db', token)).json(), { value: 'v', version: 1 });
    t.equal((await ask('GET', '/secret/app/db', 'jst_none')).status, 401);
  });

  await t.test('the fifteen are there, and have counted', async t => {
    const samples = parseSamples(await (await fetch(`${url}/metrics`)).text());
    for (const metric of contract) t.ok(samples.has(metric), metric);
    t.equal(samples.get('secrets_total'), 1);
    t.equal(samples.get('secrets_retrieved_total'), 1);
  });

  await t.test('a stop is clean, and a start finds everything', async t => {
    await podman.run('stop', '--time', '15', name);
    t.match(await inspect(), { State: { Status: 'exited', ExitCode: 0 } });
    t.match(await podman.run('logs', name), '"msg":"stopped"');
    await podman.run('start', name);
    await ready();
    t.match(await (await ask('GET', '/secret/app/db', issued.token)).json(), { value: 'v', version: 1 });
    await podman.run('healthcheck', 'run', name);
    t.match(
      await podman.run('exec', name, 'node', command, 'audit', 'verify', '--config', configFile),
      /is whole/,
    );
  });
});
